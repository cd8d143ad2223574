//go:build unix

package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// checkOwner refuses a file that somebody else could have written, or can.
func checkOwner(info os.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: this is user %d; let the file's owner settle it", ErrNotOurs, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: its mode is %#o, a journal has 0600; find out who changed it, then chmod 600 or remove it", ErrExposed, mode)
	}
	return nil
}

// writeAt is pwrite(2), without what os.File puts around it: that costs half as much as all the rest of Append.
func (j *Journal) writeAt(b []byte, off int64) error {
	if !j.enter() {
		return os.ErrClosed
	}
	defer j.leave()
	for len(b) > 0 {
		n, err := syscall.Pwrite(j.fd, b, off)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return io.ErrShortWrite
		}
		b, off = b[n:], off+int64(n)
	}
	return nil
}

// descriptor is the number that writeAt writes to; the file itself must be kept, and closed only when nobody is in writeAt.
func descriptor(f *os.File) (fd int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	return fd, conn.Control(func(n uintptr) { fd = int(n) })
}

// syncFolder puts the names in a folder on disk.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

func quotaAdvice(err error) string {
	if errors.Is(err, syscall.EDQUOT) {
		return ": free space in this user's quota, or keep the journals on another file system"
	}
	return ""
}
