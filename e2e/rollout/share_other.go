//go:build !linux

package main

import (
	"errors"
	"syscall"
)

// sharePort does not know what SO_REUSEPORT means elsewhere; it differs from system to system.
func sharePort(_, _ string, _ syscall.RawConn) error {
	return errors.New("processes that share a port need Linux")
}
