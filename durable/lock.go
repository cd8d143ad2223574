package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/lastly-go/lastly/internal/filelock"
)

// Lock keeps a locked file locked until what it protects is undone. SIGKILL frees a flock at once, and the next holder is
// in while the old one's child processes still run and its files still lie about. So the guard gets a duplicate of the
// descriptor, and closes it when the records above this one in the order are settled: register the lock first, then
// what it protects. On a graceful exit the hook unlocks and closes the file at its place.
//
// Where there is no guard, the lock is free at the death of the process, as without this.
var Lock = lockKind()

// A LockedFile is the payload of Lock: an open file on which this process holds a flock. Update can't change it.
type LockedFile struct {
	File *os.File

	path string
	key  uint64 // names the guard's duplicate
}

var lockKeys atomic.Uint64

func lockKind() *Kind[LockedFile] {
	k := define("lock", captureLock, unlock)
	k.opened = func(f LockedFile) { own.hold(f.key, f.File) }
	k.closed = func(f LockedFile) { own.release(f.key) }
	return k
}

func captureLock(f LockedFile) (LockedFile, error) {
	if f.File == nil {
		return f, errors.New("the File is nil; open and lock it first")
	}
	f.path, f.key = f.File.Name(), lockKeys.Add(1)
	return f, nil
}

// unlock is the cleanup: in this process it closes the file, in a guard its duplicate; elsewhere there is nothing to do. It
// does not leave the unlocking to the close, for the guard closes its duplicate a little later.
func unlock(ctx context.Context, f LockedFile) error {
	if f.File != nil {
		_ = filelock.Unlock(f.File)
		if err := f.File.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			return fmt.Errorf("unlock: %w", err)
		}
		return nil
	}
	if pass := passFrom(ctx); pass != nil && pass.release != nil {
		pass.release(f.key)
	}
	return nil
}

// lockForm is what the journal has of a lock.
type lockForm struct {
	Path string `json:"path"` // for people
	Key  uint64 `json:"key"`
}

// MarshalJSON gives the form in the journal.
func (f LockedFile) MarshalJSON() ([]byte, error) { return json.Marshal(lockForm{f.path, f.key}) }

// UnmarshalJSON reads the form in the journal.
func (f *LockedFile) UnmarshalJSON(text []byte) error {
	form, err := decode[lockForm](text)
	if err != nil {
		return err
	}
	*f = LockedFile{path: form.Path, key: form.Key}
	return nil
}

func (o *owner) hold(key uint64, f *os.File) {
	o.mu.Lock()
	g := o.guard
	o.mu.Unlock()
	conn, err := f.SyscallConn()
	if g == nil || err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { g.hold(key, int(fd)) })
}

func (o *owner) release(key uint64) {
	o.mu.Lock()
	g := o.guard
	o.mu.Unlock()
	if g != nil {
		g.release(key)
	}
}
