//go:build unix

package resource

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and the group of the one that it will replace, as far as this process may, and returns
// the mode that it shall have.
func keepOwner(f *os.File, old fs.FileInfo) fs.FileMode {
	perm := old.Mode().Perm()
	want, ok := old.Sys().(*syscall.Stat_t)
	if !ok || f.Chown(int(want.Uid), int(want.Gid)) == nil {
		return perm
	}
	if f.Chown(-1, int(want.Gid)) == nil {
		return perm
	}
	const group, others = 0o070, 0o007 // what its old group may do, another one shall not
	return perm&^group | perm&group&(perm&others<<3)
}

// syncFolder puts the names in a folder on disk. Filesystems that can't say so.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
