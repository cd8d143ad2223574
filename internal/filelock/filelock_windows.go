package filelock

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var (
	kernel32     = syscall.NewLazyDLL("kernel32.dll")
	lockFileEx   = kernel32.NewProc("LockFileEx")
	unlockFileEx = kernel32.NewProc("UnlockFileEx")
)

// LockFileEx locks bytes, and others then can't even read them. These two are beyond the end of every file, so that the file
// stays readable; locking what is not there is allowed.
const (
	lockByte   = 1<<63 - 2
	settleByte = 1<<63 - 1
)

const (
	failImmediately = 0x1 // LOCKFILE_FAIL_IMMEDIATELY
	exclusive       = 0x2 // LOCKFILE_EXCLUSIVE_LOCK

	errorNotLocked     = syscall.Errno(158) // ERROR_NOT_LOCKED
	errorLockViolation = syscall.Errno(33)  // ERROR_LOCK_VIOLATION
)

// tryLock has no answer to "do I have it already": locking twice through the same handle fails on Windows.
func tryLock(f *os.File) (bool, error) { return lock(f, lockByte) }

func trySettle(f *os.File) (bool, error) { return lock(f, settleByte) }

// waitLock has no way here: a wait in LockFileEx can't be told from one of a handle that is open for overlapped use.
func waitLock(*os.File) (bool, error) { return false, nil }

func unlock(f *os.File) error { return free(f, lockByte) }

func unsettle(f *os.File) error { return free(f, settleByte) }

func free(f *os.File, offset uint64) error {
	err := control(f, func(fd uintptr) error {
		at := overlapped(offset)
		ok, _, err := unlockFileEx.Call(fd, 0, 1, 0, uintptr(unsafe.Pointer(at)))
		if ok == 0 {
			return err
		}
		return nil
	})
	if errors.Is(err, errorNotLocked) {
		return nil // as flock(2) does
	}
	return err
}

func lock(f *os.File, offset uint64) (bool, error) {
	err := control(f, func(fd uintptr) error {
		at := overlapped(offset)
		ok, _, err := lockFileEx.Call(fd, exclusive|failImmediately, 0, 1, 0, uintptr(unsafe.Pointer(at)))
		if ok == 0 {
			return err
		}
		return nil
	})
	if errors.Is(err, errorLockViolation) || errors.Is(err, syscall.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func overlapped(offset uint64) *syscall.Overlapped {
	return &syscall.Overlapped{Offset: uint32(offset), OffsetHigh: uint32(offset >> 32)}
}
