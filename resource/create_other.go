//go:build !unix

package resource

import (
	"io/fs"
	"os"
)

// keepOwner returns the mode of a file that replaces another one. Owners are the folder's business here.
func keepOwner(_ *os.File, old fs.FileInfo) fs.FileMode { return old.Mode().Perm() }

// syncFolder has no counterpart here: a rename is as durable as the system makes it.
func syncFolder(string) error { return nil }
