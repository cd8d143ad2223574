// Package filelock locks whole files: one lock says that a file's owner lives, a second one that somebody settles it.
//
// A lock belongs to the open file (the open file description of open(2)), not to the process. It is free the moment the
// last descriptor of that description is closed, which the kernel does when a process dies by any cause. Two opens of the
// same file exclude each other, also within one process. Locking what the same open file holds already succeeds.
//
// What the locks do not promise:
//   - They are advisory: who does not ask is not held back.
//   - A descriptor that a child inherited (fork without exec, or without close-on-exec) keeps the lock when the parent is
//     dead. The files of package os are close-on-exec, so only what ExtraFiles hands over is affected.
//   - execve(2) closes close-on-exec files: the lock is free while the process lives on as another program. A free lock
//     does not tell death from exec, nor from a plain close.
//   - Network filesystems: flock(2) may be local to one machine (NFS with local_lock, some FUSE and 9p mounts, SMB with
//     nobrl), so that two machines hold the "same" lock. On NFS without local_lock both locks are byte-range locks of the
//     server, hence they exclude each other, and the server takes them away from a client that it can't reach.
//   - A free lock says nothing about what it protected: it is free the moment the owner is dead, before anything is
//     cleaned up.
//   - A path can be unlinked and created anew between open and lock. Who needs the path to be the locked file compares
//     them after locking, or locks under a temporary name and renames.
package filelock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// ErrUnsupported is in the error of every function on a system without file locks.
var ErrUnsupported = errors.ErrUnsupported

// TryLock takes the lock of the file, exclusively, without waiting. It returns false if another open file has it. On NFS
// the file has to be open for writing.
func TryLock(f *os.File) (bool, error) {
	ok, err := tryLock(f)
	return ok, wrap("lock", f, err)
}

// Lock takes the lock of the file and waits for it until the context ends; the error is then the context's cause, and the
// lock was not taken. Closing the file ends the wait as well.
//
// A context that can end is waited for by polling, after 1 ms at first and every 25 ms in the end: a blocked flock(2) can't
// be called off, its goroutine would stay, and take the lock when nobody wants it any more. With a context that never ends
// (Done is nil) the wait is in the kernel where the system can do that: the lock comes at once and in turn, but a close does
// not end the wait.
func Lock(ctx context.Context, f *os.File) error {
	if ctx.Done() == nil {
		done, err := waitLock(f)
		if done || err != nil {
			return wrap("lock", f, err)
		}
	}
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		if ctx.Err() != nil {
			return wrap("lock", f, context.Cause(ctx))
		}
		ok, err := TryLock(f)
		if ok || err != nil {
			return err
		}
		pause(ctx, delay)
	}
}

// How often Lock looks. A try costs less than a microsecond.
const (
	firstDelay = time.Millisecond
	lastDelay  = 25 * time.Millisecond
)

// pause waits for a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Unlock gives up what TryLock or Lock took. It does not touch what TrySettle took, except where that is the same lock.
func Unlock(f *os.File) error {
	return wrap("unlock", f, unlock(f))
}

// Release gives up both locks. A close would do that as well, but not at once: while this process forks a child, that has
// all its files until it executes something, and with the open file its locks.
func Release(f *os.File) error {
	return wrap("unlock", f, errors.Join(unlock(f), unsettle(f)))
}

// TrySettle takes a second lock of the file without waiting; false if another open file has it. On Linux and Windows it is
// independent of the first, so that a settler can exclude other settlers while the owner's lock has a meaning of its own.
// Elsewhere it is TryLock itself. Release gives it up. The file has to be open for writing.
func TrySettle(f *os.File) (bool, error) {
	ok, err := trySettle(f)
	return ok, wrap("lock for settling", f, err)
}

// wrap says what failed on which file, also for an error that says so already in other words.
func wrap(op string, f *os.File, err error) error {
	if err == nil {
		return nil
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return &fs.PathError{Op: op, Path: f.Name(), Err: err}
}

// control calls what with the descriptor, which stays open meanwhile.
func control(f *os.File, what func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = what(fd) }); err != nil {
		return os.ErrClosed // the only reason, but the error itself is internal/poll's
	}
	return failed
}
