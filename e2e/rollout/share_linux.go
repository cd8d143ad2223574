package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets several processes listen on one port: the kernel deals new connections out among them.
func sharePort(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err != nil {
		return err
	}
	return failed
}
