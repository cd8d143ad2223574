//go:build unix

package filelock_test

import (
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/filelock"
)

// TestRelease: both locks are free at once, also while a child that is just being forked has the open file, too.
func TestRelease(t *testing.T) {
	t.Parallel()
	path := file(t)
	a, b := open(t, path), open(t, path)
	try(t, filelock.TryLock, a, true)
	try(t, filelock.TrySettle, a, true)
	childs, err := syscall.Dup(int(a.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(childs)
	if err := filelock.Release(a); err != nil {
		t.Fatal(err)
	}
	try(t, filelock.TryLock, b, true)
	try(t, filelock.TrySettle, b, true)
	if err := filelock.Release(a); err != nil {
		t.Error("it is no error to have no lock:", err)
	}
	try(t, filelock.TryLock, a, false)
}
