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
	err := setWhole(f, syscall.F_WRLCK)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	return err == nil, err
}

func unsettle(f *os.File) error { return setWhole(f, syscall.F_UNLCK) }

// setWhole locks or unlocks the whole file.
func setWhole(f *os.File, how int16) error {
	return control(f, func(fd uintptr) error {
		for {
			whole := syscall.Flock_t{Type: how, Whence: io.SeekStart} // length 0: to the end, also when the file grows
			if err := syscall.FcntlFlock(fd, ofdSetLock, &whole); !errors.Is(err, syscall.EINTR) {
				return err
			}
		}
	})
}
