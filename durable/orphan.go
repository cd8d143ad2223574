package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// list returns the journals in a folder. One that is missing has none.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lastly: list the journals: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), journal.Suffix) && !strings.HasPrefix(e.Name(), journal.TempPrefix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// A fate is what a guard knows of its owner.
type fate int

const (
	unknownFate fate = iota // to be found out
	dead                    // its pidfd told
	execed                  // it became another program
)

// claim opens a journal for settling, if its owner is gone and nobody else settles it. What it returns instead of a journal
// is in the report: the state and the reason. The caller closes the journal, which releases it.
func claim(path string, known fate) (*journal.Journal, journal.Content, JournalReport) {
	r := JournalReport{Path: path}
	f, owner, err := journal.Peek(path)
	if err != nil {
		r.refuse(err)
		return nil, journal.Content{}, r
	}
	describe(&r, owner)
	if r.State, r.Why = judge(f, owner, known); r.State != Orphan {
		letGo(f)
		return nil, journal.Content{}, r
	}
	j, content, err := journal.OpenLocked(f, path)
	if err != nil {
		letGo(f)
		r.refuse(err)
		return nil, content, r
	}
	for _, d := range content.Damaged {
		r.Damaged = append(r.Damaged, fmt.Sprintf("at byte %d: %s", d.Offset, d.Why))
	}
	return j, content, r
}

// letGo gives back what claim took.
func letGo(f *os.File) {
	_ = filelock.Release(f)
	_ = f.Close()
}

// refuse notes why a journal can't be opened.
func (r *JournalReport) refuse(err error) {
	r.State, r.Why = Unusable, err.Error()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, journal.ErrGone) {
		r.State, r.Why = "", ""
	}
}

func describe(r *JournalReport, o journal.Owner) {
	r.Program, r.Command, r.Pid, r.Created = o.Program, o.Command, o.Pid, o.Created
}

// judge takes the locks of a journal and decides whether its owner is gone. The descriptor keeps the locks.
func judge(f *os.File, owner journal.Owner, known fate) (State, string) {
	if known == unknownFate && plainlyAlive(owner) { // no lock is taken to find out: that could be in its guard's way
		return Alive, "its owner lives"
	}
	if got, err := filelock.TrySettle(f); err != nil {
		return Unusable, err.Error()
	} else if !got {
		return Settling, "another process is settling it"
	}
	free, err := filelock.TryLock(f)
	if err != nil {
		return Unusable, err.Error()
	}
	if known == dead {
		return Orphan, ""
	}
	return judgeOwner(owner, free, known)
}

// judgeOwner decides by what the header says, and whether the owner's lock is free.
//
// The lock is the first witness: on one kernel it is seen from every container. But a child that was forked without exec
// keeps it beyond the owner's death, a program that closes all its descriptors loses it alive, and so does one that becomes
// another program by exec. So the process itself is asked as well, where that is possible.
func judgeOwner(o journal.Owner, free bool, known fate) (State, string) {
	if o.Boot != proc.BootID() || o.Boot == "" {
		switch {
		case o.Host == "" || o.Host != proc.HostID():
			return Elsewhere, "it is of another host; settle it there, or remove the file when that host is gone"
		case !free:
			return Alive, "its lock is held, though it is of an earlier boot: by a process on another host?"
		}
		return Orphan, "" // the machine was started anew
	}
	if o.Namespace != proc.Namespace() {
		if !free {
			return Alive, "its owner lives in another PID namespace"
		}
		return Orphan, "" // the lock is of this kernel; processes are another matter, and are asked about one by one
	}
	switch state := idOf(o).State(o.Host); {
	case state == proc.Gone:
		return Orphan, ""
	case state == proc.Alive && free && (known == execed || changed(o)):
		return Orphan, "" // the process became another program
	case state == proc.Alive && free:
		return Alive, "it lost its lock, by closing descriptors that are not its own, but it lives"
	case state == proc.Alive || !free:
		return Alive, "its owner lives"
	}
	return Elsewhere, "it can't be told whether its owner lives"
}

// plainlyAlive reports whether the owner is there, and still what it was.
func plainlyAlive(o journal.Owner) bool {
	return o.Boot == proc.BootID() && o.Namespace == proc.Namespace() && idOf(o).State(o.Host) == proc.Alive && !changed(o)
}

func idOf(o journal.Owner) proc.ID {
	return proc.ID{Pid: o.Pid, Start: o.Start, Boot: o.Boot, Namespace: o.Namespace, Inode: o.Pidfd}
}

// changed reports whether the owner executes something else than when it wrote the header.
func changed(o journal.Owner) bool {
	now := proc.Image(o.Pid)
	return o.Image != "" && now != "" && now != o.Image
}
