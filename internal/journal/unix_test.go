//go:build unix

package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/filelock"
)

// refusals are the errors of everything that opens a journal.
func refusals(path string) map[string]error {
	_, _, open := Open(path)
	_, _, read := Read(path)
	_, _, peek := Peek(path)
	return map[string]error{"Open": open, "Read": read, "Peek": peek}
}

func TestExposed(t *testing.T) {
	path := inFile(t, journalBytes(t))
	for _, mode := range []os.FileMode{0o640, 0o604, 0o602, 0o601} {
		fatal(t, os.Chmod(path, mode))
		for who, err := range refusals(path) {
			if !errors.Is(err, ErrExposed) {
				t.Errorf("%s with mode %o: %v", who, mode, err)
			}
		}
	}
	fatal(t, os.Chmod(path, 0o600))
	for who, err := range refusals(path) {
		if err != nil && !errors.Is(err, ErrBusy) {
			t.Errorf("%s: %v", who, err)
		}
	}
}

func TestNotOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := inFile(t, journalBytes(t))
	fatal(t, os.Chown(path, 12345, 12345))
	for who, err := range refusals(path) {
		if !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// TestFIFO: to open one could wait for its other end forever.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	fatal(t, syscall.Mkfifo(path, 0o600))
	for who, err := range refusals(path) {
		if !errors.Is(err, ErrNotJournal) {
			t.Errorf("%s: %v", who, err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0) // should it take a file's place after the look
	fatal(t, err)
	defer f.Close()
	if _, err := check(f); !errors.Is(err, ErrNotJournal) {
		t.Errorf("check: %v", err)
	}
}

// TestModes: a journal is its owner's alone, locked and complete when it gets its name, whatever the umask and the working directory.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // and so no test runs beside this one
	old := syscall.Umask(0o777)
	j, err := Create(".", fullOwner(), Options{Sync: true})
	syscall.Umask(old)
	fatal(t, err)
	info, err := os.Stat(j.Path())
	fatal(t, err)
	checkEqual(t, info.Mode(), os.FileMode(0o600))
	if stat := info.Sys().(*syscall.Stat_t); stat.Blocks*512 < firstSize {
		t.Errorf("%d bytes are reserved, want %d", stat.Blocks*512, firstSize)
	}
	t.Chdir(t.TempDir())
	fatal(t, j.Remove())
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("after Remove there is %v %v", left, err)
	}
}

// TestCloseFreesLocks at once: a child that is just being forked has the file, and would keep them until it executes.
func TestCloseFreesLocks(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, Options{})
	childs, err := syscall.Dup(j.fd)
	fatal(t, err)
	defer syscall.Close(childs)
	if ok, err := filelock.TrySettle(j.file); !ok || err != nil {
		t.Fatal(ok, err)
	}
	fatal(t, j.Close())
	k, _, err := Open(j.Path())
	fatal(t, err)
	defer k.Close()
	if ok, err := filelock.TrySettle(k.file); !ok || err != nil {
		t.Error("the settler's lock: ", ok, err)
	}
}
