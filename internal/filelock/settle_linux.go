package filelock

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// ofdSetLock is F_OFD_SETLK of fcntl(2), Linux 3.15: like F_SETLK, but the lock belongs to the open file, not to the
// process, which would lose it when any of its descriptors of that file is closed. It and flock(2) know nothing of each
// other on local filesystems.
const ofdSetLock = 37

func trySettle(f *os.File) (bool, error) {
	err := control(f, func(fd uintptr) error {
		for {
			whole := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart} // length 0: to the end, also when the file grows
			err := syscall.FcntlFlock(fd, ofdSetLock, &whole)
			if !errors.Is(err, syscall.EINTR) {
				return err
			}
		}
	})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	return err == nil, err
}
