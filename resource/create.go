package resource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/edge"
)

// Create begins to write a file that is there whole or not at all: under a temporary name until Commit, which gives it the
// name at path, in the place of the file that may be there. Until then nobody sees a change, and what ends before Commit
// leaves none: Close, the close of s, or a death of the process, after which a guard or the next start removes the
// temporary file (see package durable).
//
//	f, err := resource.Create(scope, "report.json")
//	if err != nil {
//		return err
//	}
//	defer f.Close() // discards what was not committed
//	if err := json.NewEncoder(f).Encode(report); err != nil {
//		return err
//	}
//	return f.Commit()
//
// The temporary file is in the target's folder, and is called "." + the target's name (at most 180 bytes of it) +
// ".lastly-" + 26 random characters.
//
// A new file has mode 0666 less the umask. One that replaces another has the other's permission bits as they were at
// Create, without set-user-id and set-group-id, which writing takes away; and its owner and group, as far as this process
// may give files away. If it may not give the file to the group, then the group's permissions are at most everybody's.
// Other hard links keep the old content; access lists and extended attributes are not taken along. Of several who create
// the same target, the last to commit wins.
//
// The temporary file is removed from where it was made: should somebody rename its folder before Commit, it stays there.
//
// If path is a link, the file that it leads to is replaced and the link stays; one that leads nowhere gets its target made.
//
// Errors: a target that is a folder or anything else but a regular file; a folder that does not exist or may not be
// written; no folder for the journal (durable.ErrFolder); a closed scope (lastly.ErrClosed). On an error nothing is
// registered and nothing is left. Create may be called from a hook: what it does not commit is discarded when it has ended.
func Create(s *lastly.Scope, path string) (*AtomicFile, error) {
	f, err := create(s, path, callerSite())
	if err != nil {
		return nil, fmt.Errorf("lastly: create %q: %w", path, err)
	}
	return f, nil
}

// An AtomicFile is a file that Create made: an open temporary file until Commit or Close. Its methods may be called from a
// hook, and by several goroutines. Name is that of the temporary file.
//
// What fails to be written by its methods keeps Commit from succeeding, so that an error of a write that nobody looked at (a
// full disk) can't commit half a file. What is written past them, by Fd or SyscallConn, has to be checked by the caller.
type AtomicFile struct {
	*os.File

	temp   tempFile
	target string // absolute, and no link
	fresh  bool   // there was no such file at Create

	busy chan struct{} // holds a value while somebody commits or discards; a lock that a context can stop waiting for
	// What follows is for the one who put it in.
	ended     bool  // by Commit, a failed one too, or by its hook
	committed bool  // the target is the new file
	result    error // of Commit, when ended

	mu     sync.Mutex // guards failed
	failed error      // the first write that failed
}

func create(s *lastly.Scope, path string, site uintptr) (*AtomicFile, error) {
	if err := checkOpen(s); err != nil {
		return nil, err
	}
	target, old, err := findTarget(path)
	if err != nil {
		return nil, err
	}
	dir, base := filepath.Split(target)
	f := &AtomicFile{target: target, fresh: old == nil, busy: make(chan struct{}, 1)}
	f.temp.path, f.temp.point = filepath.Join(dir, durable.NewName("."+base+".")), "resource.create"
	perm := fs.FileMode(0o666)
	if old != nil {
		perm = 0o600 // until it has the old one's owner
	}
	f.temp.advice = folderAdvice(dir)
	if err := f.temp.make(s, lastly.Hook{Name: "uncommitted file " + target, Run: f.discard}, perm, site); err != nil {
		return nil, err
	}
	f.File = f.temp.f
	if err = edge.At("resource.create: identified"); err == nil && old != nil {
		err = f.Chmod(keepOwner(f.File, old))
	}
	if err == nil {
		err = edge.At("resource.create: chmod")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// findTarget returns the file that a path leads to, and what is there; nil when nothing is.
func findTarget(path string) (target string, old fs.FileInfo, err error) {
	const maxLinks = 40 // as Linux has it
	for range maxLinks {
		dir, base := filepath.Split(path)
		if base == "" || base == "." || base == ".." {
			return "", nil, fmt.Errorf("%q is the name of a folder: give the name of a file in it", path)
		}
		if dir, err = realFolder(dir); err != nil {
			return "", nil, fmt.Errorf("%w; %s", err, folderMissing(err))
		}
		target = filepath.Join(dir, base)
		info, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return target, nil, nil
		case err != nil:
			return "", nil, fmt.Errorf("%w; %s", err, nameAdvice(err, folderAdvice(dir)))
		case info.Mode().IsRegular():
			return target, info, nil
		case info.IsDir():
			return "", nil, fmt.Errorf("%q is a folder: give the name of a file in it, or remove it first", target)
		case info.Mode()&fs.ModeSymlink == 0:
			return "", nil, fmt.Errorf("%q is no regular file (%v) and can't be replaced by one: open it and write to it, or remove it first", target, info.Mode().Type())
		}
		if path, err = os.Readlink(target); err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(path) {
			path = dir + string(filepath.Separator) + path // not Join, which is wrong about ".." behind a link
		}
	}
	return "", nil, fmt.Errorf("more than %d links lead from one to the next: remove the loop", maxLinks)
}

// realFolder returns the absolute path of a folder, without links: a program may change its working folder.
func realFolder(dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		wd, err := os.Getwd()
		if err != nil {
			return "", err
		}
		dir = wd + string(filepath.Separator) + dir
	}
	return filepath.EvalSymlinks(dir)
}

func folderMissing(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "this user must be able to get into its folder"
	}
	return "make its folder first"
}

func folderAdvice(dir string) string {
	return fmt.Sprintf("it is written beside its target first, so this user must be able to write to the folder %s", dir)
}

// Commit makes what was written the content of the target: it flushes the file to disk (fsync), closes it, renames it over
// the target and flushes the folder. When it has returned nil, the content survives a power cut; whoever opened the target
// before goes on with the old one.
//
// An error says whether the old content is untouched. It is, unless only the last step failed: then the new one is in
// place, but might be lost with the machine. Nothing can be written after Commit, and a second call returns the first
// one's result: after an error, Close, and begin again with Create. Commit after Close is os.ErrClosed, after the close of
// the scope lastly.ErrClosing. A close of the scope waits for a Commit that runs.
func (f *AtomicFile) Commit() error {
	f.busy <- struct{}{}
	defer f.release()
	if !f.ended {
		f.ended, f.result = true, f.commit()
	}
	return f.result
}

func (f *AtomicFile) commit() error {
	if err := f.replace(); err != nil {
		was := "its old content is untouched"
		if f.fresh {
			was = "it was not made"
		}
		return fmt.Errorf("lastly: commit %q: %w; %s: Close this file, and create it again when that is mended", f.target, err, was)
	}
	f.committed = true
	err := edge.At("resource.create: renamed")
	if err == nil {
		err = syncFolder(filepath.Dir(f.target))
	}
	if err == nil {
		err = edge.At("resource.create: folder synced")
	}
	// Nothing has the temporary name any more. A process that finds the record before it is struck removes nothing: what it
	// names is this file, but at a path where it is no longer.
	f.temp.rec.Cancel()
	if err != nil {
		return fmt.Errorf("lastly: commit %q: the new content is in place, but it might be lost with the machine, for its folder was not flushed: %w; "+
			"call sync(1), or commit it again", f.target, err)
	}
	_ = edge.At("resource.create: struck") // no step comes after it
	return nil
}

// replace is Commit as far as it can fail with nothing changed.
func (f *AtomicFile) replace() error {
	f.mu.Lock()
	err := f.failed
	f.mu.Unlock()
	if err != nil {
		return fmt.Errorf("it is not complete: %w", err)
	}
	if err = edge.At("resource.create: written"); err == nil {
		err = f.File.Sync()
	}
	if err == nil {
		err = f.isThere()
	}
	if err == nil {
		err = edge.At("resource.create: synced")
	}
	if err == nil {
		err = f.File.Close()
	}
	if err == nil {
		err = edge.At("resource.create: closed")
	}
	if err == nil {
		err = os.Rename(f.temp.path, f.target)
	}
	return err
}

// isThere makes sure that it is this file which the rename will find.
func (f *AtomicFile) isThere() error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	now, err := os.Lstat(f.temp.path)
	if err != nil {
		return err
	}
	if !os.SameFile(mine, now) {
		return fmt.Errorf("something else is in the place of the temporary file %s", f.temp.path)
	}
	return nil
}

// Close discards what was not committed: the temporary file is closed and removed, and the target stays as it is. It may be
// called any number of times, and returns nil after a successful Commit, so defer it where the file is created. It waits for a
// Commit that runs. An error is that of the removal.
func (f *AtomicFile) Close() error {
	f.busy <- struct{}{}
	if !f.ended {
		f.ended, f.result = true, fmt.Errorf("lastly: commit %q: %w by Close before: it is discarded, and the target untouched; create it again", f.target, os.ErrClosed)
	}
	committed := f.committed
	f.release()
	if committed {
		return nil
	}
	return f.temp.rec.Run(context.Background()) // with the hook's own timeout
}

func (f *AtomicFile) release() { <-f.busy }

// discard is the hook.
func (f *AtomicFile) discard(ctx context.Context) error {
	select {
	case f.busy <- struct{}{}:
	case <-ctx.Done():
		return errors.New("its Commit still runs; the target is the old file or the new one, and whole in any case")
	}
	defer f.release()
	if f.committed {
		return nil
	}
	if !f.ended {
		f.ended, f.result = true, fmt.Errorf("lastly: commit %q: %w and has discarded it, the target is untouched; commit before the scope closes", f.target, lastly.ErrClosing)
	}
	return f.temp.remove(ctx)
}

// Write is that of os.File. An error keeps Commit from succeeding.
func (f *AtomicFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, f.remember(err)
}

// WriteString is Write of a string.
func (f *AtomicFile) WriteString(s string) (int, error) {
	n, err := f.File.WriteString(s)
	return n, f.remember(err)
}

// WriteAt is that of os.File. An error keeps Commit from succeeding.
func (f *AtomicFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	return n, f.remember(err)
}

// ReadFrom copies what r has, for io.Copy: in the kernel if r is a file. An error of the writing keeps Commit from
// succeeding; one of r does not.
func (f *AtomicFile) ReadFrom(r io.Reader) (int64, error) {
	if src, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := src.Stat(); err == nil && info.Mode().IsRegular() {
			n, err := f.File.ReadFrom(r) // does not tell whose its error is
			return n, f.remember(err)
		}
	}
	return io.Copy(struct{ io.Writer }{f}, r)
}

// Sync is that of os.File. An error keeps Commit from succeeding, because the kernel tells only once of what it could not
// write to the disk.
func (f *AtomicFile) Sync() error { return f.remember(f.File.Sync()) }

func (f *AtomicFile) remember(err error) error {
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.failed == nil {
			f.failed = err
		}
	}
	return err
}
