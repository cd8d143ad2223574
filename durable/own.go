package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// own is this process's journal, with what belongs to it. There is one, as there is one process scope.
var own owner

type owner struct {
	journal atomic.Pointer[journal.Journal] // nil until the first registration, and after finish

	mu    sync.Mutex // guards what follows, and the making of the journal
	crash *os.File   // where a crash is written; nil: nowhere
	guard *guard     // nil: none was started
	why   string     // no guard
}

// get returns the journal, which the first call makes, and starts the guard.
func (o *owner) get() (*journal.Journal, error) {
	j := o.journal.Load()
	if j == nil {
		var err error
		if j, err = o.open(); err != nil {
			return nil, err
		}
	}
	return j, checkUser(j)
}

func (o *owner) open() (*journal.Journal, error) {
	s := currentSettings()
	j, noGuard, err := o.openLocked(s)
	if noGuard != nil {
		tellNoGuard(s, noGuard)
	}
	return j, err
}

// openLocked takes the lock for open, which calls a Logger that may do anything.
func (o *owner) openLocked(s Settings) (j *journal.Journal, noGuard, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if j := o.journal.Load(); j != nil {
		return j, nil, nil
	}
	dir, err := s.folder(true)
	if err != nil {
		return nil, nil, err
	}
	header, err := describeSelf()
	if err != nil {
		return nil, nil, err
	}
	journal.RemoveStale(dir)
	j, err = journal.Create(dir, header, journal.Options{Sync: s.PowerSafe})
	if err != nil {
		return nil, nil, err
	}
	o.crash = keepCrash(s, j.Path())
	o.guard, o.why, noGuard = startGuard(s, j)
	o.journal.Store(j)
	return j, noGuard, nil
}

// tellNoGuard says once that there is no guard.
func tellNoGuard(s Settings, err error) {
	s.logger().Warn("lastly: no guard: durable cleanups are left to the next start if this process is killed", "error", err)
}

// describeSelf is what others have to know of this process.
func describeSelf() (journal.Owner, error) {
	self, err := proc.Self()
	if err != nil {
		return journal.Owner{}, fmt.Errorf("lastly: find out what identifies this process: %w", err)
	}
	command := "unknown"
	if len(os.Args) > 0 {
		command = filepath.Base(os.Args[0])
	}
	return journal.Owner{
		Program: program(), Command: command, Host: proc.HostID(), Boot: self.Boot, Namespace: self.Namespace, Pid: self.Pid,
		Start: self.Start, Pidfd: self.Inode, Image: proc.Image(self.Pid), UID: os.Geteuid(), Created: time.Now(),
	}, nil
}

// checkUser returns an error if the process is not the user any more that its journal belongs to: neither it nor its guard
// could undo what it makes now.
func checkUser(j *journal.Journal) error {
	was, is := j.Owner().UID, os.Geteuid()
	if was != is {
		return fmt.Errorf("lastly: %w from %d to %d after its first durable registration, so its journal and its guard are another user's; register only after dropping privileges",
			ErrOtherUser, was, is)
	}
	return nil
}

// note says who settles should this process die.
func (o *owner) note() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.guard != nil {
		return o.guard.note()
	}
	return "no guard (" + o.why + "): the next start settles it"
}

// finish lets the guard go and removes the journal, if nothing is left in it. What is left is the guard's.
func (o *owner) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	j := o.journal.Swap(nil) // whoever registers now waits for the lock
	if j == nil {
		return
	}
	if empty, _ := j.RemoveIfEmpty(); !empty { // that an empty one could not be removed harms nobody
		o.journal.Store(j)
		return
	}
	dropCrash(o.crash)
	if o.guard != nil {
		o.guard.dismiss()
	}
	o.crash, o.guard, o.why = nil, nil, ""
}
