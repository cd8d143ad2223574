package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/seam"
)

// Lock takes the lock of the file at path for this program, against a second instance, and gives it back at its place in
// the order of s. What the lock protects is registered after it, so that it is undone before:
//
//	err := resource.Lock(ctx, scope, "/var/lib/app/lock")
//	held, ok := errors.AsType[*resource.HeldError](err)
//
// While somebody else has the lock, Lock waits until ctx ends, or until s or a scope above it begins to close; then it
// returns a *[HeldError]. With a context that has ended already it tries once. It looks every 10 ms at the latest, and
// leaves nothing behind when it gives up. Waiters come in in no particular order. A second Lock in the same process waits
// as well, for the first one's scope.
//
// The lock is a flock(2) on the open file: when a process is gone, by whatever death, it does not have it any more, so a
// file that was left means nothing. Where there is a guard (see package durable), the lock of a dead process is free only
// when the durable hooks that stand before it in the order are settled; elsewhere it is free at the death.
//
// The file is made with mode 0600 if there is none, since whoever can open it can lock it; to share it among users, make
// it beforehand. Its folder must exist. It says in one line of JSON who has the lock; a file with other content is locked
// and not changed. It is never removed, and should not be by others: a process that waits for the removed file, or has
// it, and one that makes a new one, do not exclude each other.
//
// It is advisory: who does not ask is not held back. A child that inherits the descriptor keeps the lock; children of
// os/exec do not. On network filesystems the lock may hold on one machine only. On Windows it is LockFileEx; what is said of
// guards holds on Linux.
//
// Other errors: path is no regular file, or can't be opened for writing; the filesystem has no locks
// (errors.ErrUnsupported); no folder for the journal (durable.ErrFolder); a closed scope (lastly.ErrClosed). On an error
// nothing is registered. Lock may be called from a hook. A name, Uses or a timeout are those of a child:
// Lock(ctx, s.Child(lastly.Hook{Name: "instance"}), path).
func Lock(ctx context.Context, s *lastly.Scope, path string) error {
	site := callerSite()
	if err := lock(ctx, s, path, site); err != nil {
		if _, ok := err.(*HeldError); ok { //nolint:errorlint // the very value, made here; it says all this
			return err
		}
		return fmt.Errorf("lastly: lock %q: %w", path, err)
	}
	return nil
}

func lock(ctx context.Context, s *lastly.Scope, path string, site uintptr) error {
	if path == "" {
		return errors.New("the path is empty; name a file, which is made if there is none")
	}
	path, err := filepath.Abs(path) // a program may change its working folder
	if err != nil {
		return err
	}
	if err := checkOpen(s); err != nil {
		return err
	}
	f, err := awaitLock(ctx, s, path)
	if err != nil {
		return err
	}
	l := &fileLock{f: f}
	l.sign()
	h := lastly.Hook{Name: "lock " + path, Run: l.unlock}
	if _, err := registerDurable(durable.Lock, s, durable.LockedFile{File: f}, h, site); err != nil {
		return errors.Join(err, l.unlock(ctx))
	}
	if l.unlocked.Load() { // the scope was closed meanwhile
		return checkOpen(s)
	}
	return nil
}

// A fileLock is a lock that this process has.
type fileLock struct {
	f        *os.File
	signed   bool // the file says whose the lock is
	unlocked atomic.Bool
}

// unlock gives the lock back. It does not leave that to the close of the file, for the guard has the same open file: its
// duplicate is closed a little later.
func (l *fileLock) unlock(context.Context) error {
	l.unlocked.Store(true)
	if l.signed {
		_ = l.f.Truncate(0) // a courtesy, as sign is
	}
	return errors.Join(filelock.Unlock(l.f), l.f.Close())
}

// How often awaitLock looks.
const (
	firstTry = time.Millisecond
	lastTry  = 10 * time.Millisecond
)

// awaitLock opens the file and locks it. It polls: a flock(2) that blocks can't be called off.
func awaitLock(ctx context.Context, s *lastly.Scope, path string) (*os.File, error) {
	f, err := tryLock(path)
	if f != nil || err != nil {
		return f, err
	}
	wait, cancel := untilClosing(ctx, s)
	defer cancel()
	timer := time.NewTimer(firstTry)
	defer timer.Stop()
	for delay := firstTry; ; delay = min(2*delay, lastTry) {
		select {
		case <-wait.Done():
			return nil, held(path, whyEnded(ctx, wait))
		case <-timer.C:
		}
		f, err := tryLock(path)
		if f != nil || err != nil {
			return f, err
		}
		timer.Reset(delay)
	}
}

// untilClosing is ctx, but ends also when the scope, or one above it, begins to close: who waits then waits for nothing.
func untilClosing(ctx context.Context, s *lastly.Scope) (context.Context, func()) {
	wait, cancel := context.WithCancelCause(ctx)
	stops := []func() bool{}
	for _, ending := range seam.OfLastly.Endings(s) {
		stops = append(stops, context.AfterFunc(ending, func() { cancel(context.Cause(ending)) }))
	}
	return wait, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(nil)
	}
}

// whyEnded says why a wait was given up: the context's error, or that the scope closes, with its cause if that is another
// one: a signal, so that a program which waited in vain is known to have been interrupted.
func whyEnded(ctx, wait context.Context) error {
	err, cause := ctx.Err(), context.Cause(wait)
	if err == nil {
		err = lastly.ErrClosing
	}
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// tryLock returns the open and locked file, or nil when somebody else has the lock. The file is opened anew each time: a
// waiter must not end with the lock of a file that was removed.
func tryLock(path string) (*os.File, error) {
	for range 100 { // each is a removal between open and lock
		f, err := openLock(path)
		if err != nil {
			return nil, err
		}
		ok := false
		if err = edge.At("resource.lock: opened"); err == nil {
			ok, err = filelock.TryLock(f)
		}
		if err == nil && ok && isAt(f, path) {
			return f, nil
		}
		_ = f.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w; put it on a filesystem with locks", err)
		case !ok:
			return nil, nil
		}
	}
	return nil, errors.New("the file is removed again and again; let nobody remove it")
}

func openLock(path string) (*os.File, error) {
	const advice = "its folder must exist, and the file, if there is one, be a plain one that this user may write"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, advice)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, errors.Join(err, fmt.Errorf("%w: it is no regular file; %s", fs.ErrInvalid, advice))
	}
	return f, nil
}

// isAt reports whether the open file is the one at the path.
func isAt(f *os.File, path string) bool {
	mine, err1 := f.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(mine, there)
}
