//go:build unix

package durable

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner returns why others could write what the folder holds. What is above it does not matter: nobody else can make a
// folder, or a journal in it (see journal.Open), that belongs to this user; and moving our own ones about gains nothing,
// because each record is checked against what it is about.
func checkOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, perm := int(info.Sys().(*syscall.Stat_t).Uid), info.Mode().Perm()
	switch {
	case owner != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not to user %d; set LASTLY_DIR to a folder of this user", dir, owner, os.Geteuid())
	case perm&0o022 != 0:
		return fmt.Errorf("%s has mode %#o, so that others can write to it; chmod 700 it, or set LASTLY_DIR", dir, perm)
	}
	return nil
}
