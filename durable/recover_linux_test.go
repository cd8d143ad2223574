package durable_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// makeOdd makes files that only this system has, and returns their names.
func makeOdd(t *testing.T, dir string) []string {
	t.Helper()
	fatal(t, syscall.Mkfifo(filepath.Join(dir, "fifo"+journal.Suffix), 0o600))
	names := []string{"fifo"}
	if os.Geteuid() == 0 {
		path := filepath.Join(dir, "other user"+journal.Suffix)
		good, err := os.ReadFile(filepath.Join(dir, "readable"+journal.Suffix))
		fatal(t, err)
		fatal(t, os.WriteFile(path, good, 0o600))
		fatal(t, os.Chown(path, 65534, 65534))
		names = append(names, "other user")
	}
	return names
}

// self is this process as an owner.
func self(t *testing.T) journal.Owner {
	t.Helper()
	id, err := proc.Self()
	fatal(t, err)
	o := gone()
	o.Pid, o.Start, o.Pidfd, o.Image = id.Pid, id.Start, id.Inode, proc.Image(id.Pid)
	return o
}
