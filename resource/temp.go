package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/pathid"
)

// TempDir makes a folder for temporary files, of mode 0700, and returns its absolute path. At its place in the order of s
// it is removed with everything in it, also what was made read-only; a death of the process that leaves no time for that
// leaves it to a guard or the next start, see package durable.
//
// The folder is in os.TempDir, which honours TMPDIR. Its name is made from the pattern as by os.MkdirTemp: what stands for
// the last "*", or is appended when there is none, is "lastly-" and 26 random characters, which end in a dot if what
// follows does not begin with one. That form tells a later process that nobody else's folder can bear the name, so that
// even what was made in the moment before a death is found. A prefix is cut at 180 bytes. "" is a pattern, too.
//
// Only the folder that was made is ever removed. It is no error if it is gone by then. If something else has its name, that
// is left alone, and the close of s reports it.
//
// Errors: a pattern with a path separator; a folder for temporary files that does not exist or may not be written; no
// folder for the journal (durable.ErrFolder); a closed scope (lastly.ErrClosed). On an error nothing is registered and
// nothing is left. TempDir may be called from a hook: the folder stays until that hook has ended. A name, Uses or a
// timeout are those of a child: TempDir(s.Child(lastly.Hook{Name: "uploads"}), "upload-*").
func TempDir(s *lastly.Scope, pattern string) (string, error) {
	site := callerSite()
	path, err := tempPath(s, pattern)
	if err == nil {
		err = makeTempDir(s, path, site)
	}
	if err != nil {
		return "", fmt.Errorf("lastly: temp folder from the pattern %q: %w", pattern, err)
	}
	return path, nil
}

func makeTempDir(s *lastly.Scope, path string, site uintptr) error {
	rec, err := registerDurable(durable.Remove, s, durable.Path{Path: path}, lastly.Hook{Name: "temp folder " + path}, site)
	if err != nil {
		return folderError(err, path, tempAdvice)
	}
	if err = edge.At("resource.tempdir: registered"); err == nil {
		err = os.Mkdir(path, 0o700)
	}
	if err != nil { // whatever bears the name was not made here
		rec.Cancel()
		return fmt.Errorf("%w; %s", err, nameAdvice(err, tempAdvice))
	}
	if err = edge.At("resource.tempdir: made"); err == nil {
		err = rec.Update(durable.Path{Path: path})
	}
	if err != nil {
		return undo(rec, path, err)
	}
	return nil
}

// TempFile makes a temporary file of mode 0600, open for reading and writing. At its place in the order of s it is closed,
// unless that was done before, and removed. What is said of TempDir holds for it as well: the name, what is removed and
// when, errors, hooks.
func TempFile(s *lastly.Scope, pattern string) (*os.File, error) {
	site := callerSite()
	path, err := tempPath(s, pattern)
	if err == nil {
		t := &tempFile{path: path, point: "resource.tempfile", advice: tempAdvice}
		err = t.make(s, lastly.Hook{Name: "temp file " + path, Run: t.remove}, 0o600, site)
		if err == nil {
			return t.f, nil
		}
	}
	return nil, fmt.Errorf("lastly: temp file from the pattern %q: %w", pattern, err)
}

const tempAdvice = "the folder for temporary files, which TMPDIR names, must exist, be writable for this user and have room"

// folderError is what is wrong with the folder of a path that could not be registered; err, if nothing is.
func folderError(err error, path, advice string) error {
	if _, ok := errors.AsType[syscall.Errno](err); !ok {
		return err
	}
	_, wrong := os.Lstat(path)
	if errors.Is(wrong, fs.ErrNotExist) { // as it should be, if its folder is there
		_, wrong = os.Stat(filepath.Dir(path))
	}
	if wrong == nil {
		return err
	}
	return fmt.Errorf("%w; %s", wrong, nameAdvice(wrong, advice))
}

// nameAdvice is what to do about a file that can't be made: if its name is the matter, advice is about something else.
func nameAdvice(err error, advice string) string {
	switch {
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "give it a shorter name"
	case errors.Is(err, syscall.EINVAL):
		return "the name may have no NUL, nor what else the filesystem refuses"
	}
	return advice
}

// tempPath makes up a path from a pattern.
func tempPath(s *lastly.Scope, pattern string) (string, error) {
	for i := range len(pattern) {
		if os.IsPathSeparator(pattern[i]) {
			return "", fmt.Errorf("it contains a path separator: give a name only; the folder is %s, or what TMPDIR names", os.TempDir())
		}
	}
	if err := checkOpen(s); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(os.TempDir()) // a program may change its working folder
	if err != nil {
		return "", err
	}
	prefix, suffix := pattern, ""
	if star := strings.LastIndexByte(pattern, '*'); star >= 0 {
		prefix, suffix = pattern[:star], pattern[star+1:]
	}
	name := durable.NewName(prefix)
	if suffix != "" && suffix[0] != '.' {
		name += "." // else durable would not know the name for one of its own
	}
	return filepath.Join(dir, name+suffix), nil
}

// checkOpen refuses to make something on a scope that would undo it at once.
func checkOpen(s *lastly.Scope) error {
	select {
	case <-s.Closed():
		return fmt.Errorf("%w: its close would undo it at once; use a scope that is open", lastly.ErrClosed)
	default:
		return nil
	}
}

// undo takes back what was made when err kept its record from being completed, and returns err.
func undo(rec *durable.Record[durable.Path], path string, err error) error {
	if errors.Is(err, durable.ErrStruck) { // its hook ran in between, and found nothing
		err = fmt.Errorf("%w: its hook has run already; use a scope that is open", lastly.ErrClosing)
	}
	if left := os.Remove(path); left != nil && !errors.Is(left, fs.ErrNotExist) {
		err = errors.Join(err, left)
	}
	rec.Cancel()
	return err
}

// A tempFile is a file with a name that lastly made up. Its removal is in the journal from before it exists.
type tempFile struct {
	path   string
	point  string // what its edges are called
	advice string // should it be impossible
	rec    *durable.Record[durable.Path]

	mu sync.Mutex // guards what follows
	f  *os.File   // nil while it is made
	id pathid.ID
}

// make registers the hook, whose Run is remove or calls it, makes the file, and says in the record which one it is. On an
// error nothing is left.
func (t *tempFile) make(s *lastly.Scope, h lastly.Hook, perm fs.FileMode, site uintptr) (err error) {
	t.rec, err = registerDurable(durable.Remove, s, durable.Path{Path: t.path}, h, site)
	if err != nil {
		return folderError(err, t.path, t.advice)
	}
	var f *os.File
	if err = edge.At(t.point + ": registered"); err == nil {
		f, err = os.OpenFile(t.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	}
	if err != nil { // whatever bears the name was not made here
		t.rec.Cancel()
		return fmt.Errorf("%w; %s", err, nameAdvice(err, t.advice))
	}
	if err = edge.At(t.point + ": opened"); err == nil {
		err = t.identify(f)
	}
	if err != nil {
		_ = f.Close() // perhaps its hook did
		return undo(t.rec, t.path, err)
	}
	return nil
}

func (t *tempFile) identify(f *os.File) error {
	id, err := pathid.Capture(t.path)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.f, t.id = f, id // first, so that from the Update on the hook removes it
	t.mu.Unlock()
	return t.rec.Update(durable.Path{Path: t.path})
}

// remove closes and removes the file, if it is still the one that was made.
func (t *tempFile) remove(ctx context.Context) error {
	t.mu.Lock()
	f, id := t.f, t.id
	t.mu.Unlock()
	if f == nil { // make hears from Update that the record is struck
		return nil
	}
	err := closeFile(f)
	if left := pathid.Remove(ctx, id, pathid.Options{}); left != nil {
		err = errors.Join(err, fmt.Errorf("remove %w", left))
	}
	return err
}
