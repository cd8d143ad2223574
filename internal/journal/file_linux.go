package journal

import (
	"errors"
	"os"
	"syscall"
)

// reserve gives the file disk space, so that what is written there later can't fail for lack of it. On copy-on-write file systems
// it still can; then the write says so. With zeros written, a sync later has no metadata to write, only the data.
func reserve(f *os.File, from, to int64, written bool) error {
	err := onDescriptor(f, func(fd int) error { return syscall.Fallocate(fd, 0, from, to-from) })
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) || err == nil && written {
		return fill(f, from, to)
	}
	return err
}

func dataSync(f *os.File) error { return onDescriptor(f, syscall.Fdatasync) }

// onDescriptor makes a system call, again as long as a signal interrupts it.
func onDescriptor(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = call(int(fd)); !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return os.ErrClosed
	}
	return failed
}
