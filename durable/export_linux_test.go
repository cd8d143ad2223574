package durable

import "syscall"

// Leaving tells whether this process is a guard that was asked to leave.
func Leaving() bool { return due != nil && due.leaving.Load() }

// TakeForRemote makes the filesystem of dir count as another host's.
func TakeForRemote(dir string) error {
	var st syscall.Statfs_t
	err := syscall.Statfs(dir, &st)
	remote[int64(uint32(st.Type))] = "remote"
	return err
}
