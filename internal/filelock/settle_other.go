//go:build !linux && !windows

package filelock

import "os"

// trySettle is the first lock: the record locks of fcntl(2) belong to the process here, and are lost when any descriptor of
// the file is closed.
func trySettle(f *os.File) (bool, error) { return tryLock(f) }

func unsettle(*os.File) error { return nil } // unlock has done it
