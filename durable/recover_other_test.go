//go:build !linux

package durable_test

import (
	"testing"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

func makeOdd(*testing.T, string) []string { return nil }

// self is this process as an owner.
func self(t *testing.T) journal.Owner {
	t.Helper()
	id, err := proc.Self()
	fatal(t, err)
	o := gone()
	o.Pid, o.Start, o.Pidfd = id.Pid, id.Start, id.Inode
	return o
}
