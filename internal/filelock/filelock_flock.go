//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package filelock

import (
	"errors"
	"os"
	"syscall"
)

func tryLock(f *os.File) (bool, error) {
	err := control(f, func(fd uintptr) error { return flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// waitLock waits in the kernel. It returns false if the system can't.
func waitLock(f *os.File) (bool, error) {
	err := control(f, func(fd uintptr) error { return flock(fd, syscall.LOCK_EX) })
	return err == nil, err
}

func unlock(f *os.File) error {
	return control(f, func(fd uintptr) error { return flock(fd, syscall.LOCK_UN) })
}

func flock(fd uintptr, how int) error {
	for {
		if err := syscall.Flock(int(fd), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
