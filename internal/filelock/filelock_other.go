//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package filelock

import "os"

func tryLock(*os.File) (bool, error) { return false, ErrUnsupported }

func waitLock(*os.File) (bool, error) { return false, ErrUnsupported }

func unlock(*os.File) error { return ErrUnsupported }
