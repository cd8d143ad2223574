// Package tty tells whether somebody sits at the other end of a file.
package tty

import (
	"io/fs"
	"os"
)

// Is reports whether a file is a terminal. It takes every character device but the null device for one: services have that
// for stdin.
func Is(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&fs.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
