package resource_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/pathid"
	"github.com/lastly-go/lastly/resource"
)

func TestTempNames(t *testing.T) {
	dir := tempHome(t)
	for _, c := range []struct{ pattern, begins, ends string }{
		{"", "lastly-", ""},
		{"upload-", "upload-lastly-", ""},
		{"upload-*", "upload-lastly-", ""},
		{"*.txt", "lastly-", ".txt"},
		{"a*b*.tar.gz", "a*blastly-", ".tar.gz"},
		{"a*-end", "alastly-", ".-end"},
		{"grüße *.txt", "grüße lastly-", ".txt"},
		{strings.Repeat("x", 200) + "*.txt", strings.Repeat("x", 180) + "lastly-", ".txt"},
	} {
		var s lastly.Scope
		path, err := resource.TempDir(&s, c.pattern)
		noError(t, err)
		f, err := resource.TempFile(&s, c.pattern)
		noError(t, err)
		for _, path := range []string{path, f.Name()} {
			base := filepath.Base(path)
			if filepath.Dir(path) != dir || !strings.HasPrefix(base, c.begins) || !strings.HasSuffix(base, c.ends) || !pathid.IsNewName(base) {
				t.Errorf("pattern %q: the path is %s", c.pattern, path)
			}
		}
		for path, want := range map[string]fs.FileMode{path: fs.ModeDir | 0o700, f.Name(): 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode() != want {
				t.Errorf("pattern %q: the mode of %s is %v, want %v", c.pattern, path, info.Mode(), want)
			}
		}
		noError(t, s.Close())
		wantNames(t, dir)
	}
}

// TestTempRefused: the error names the pattern, or the folder, and says what to do; nothing is registered, nothing is left.
func TestTempRefused(t *testing.T) {
	dir := tempHome(t)
	missing := filepath.Join(dir, "missing")
	for _, c := range []struct {
		home, pattern string
		target        error
		texts         []string
	}{
		{dir, "a/b", nil, []string{`"a/b"`, "path separator", "TMPDIR"}},
		{dir, "../*", nil, []string{`"../*"`, "path separator"}},
		{dir, "*" + strings.Repeat("x", 250), syscall.ENAMETOOLONG, []string{"xxx"}},
		{dir, "*.a\x00b", nil, []string{"NUL"}},
		{missing, "x-*", fs.ErrNotExist, []string{missing, "TMPDIR", "must exist"}},
		{put(t, filepath.Join(dir, "file"), ""), "x-*", nil, []string{"file", "TMPDIR", "must exist"}},
		{"/proc", "x-*", nil, []string{"/proc", "TMPDIR", "be writable"}},
	} {
		t.Setenv("TMPDIR", c.home)
		var s lastly.Scope
		_, err := resource.TempDir(&s, c.pattern)
		wantError(t, err, c.target, append(c.texts, "lastly: temp folder from the pattern")...)
		_, err = resource.TempFile(&s, c.pattern)
		wantError(t, err, c.target, append(c.texts, "lastly: temp file from the pattern")...)
		wantNothing(t, &s)
		noError(t, s.Close())
	}
	wantNames(t, dir, "file")
}

// TestTempRelative: a path is absolute, for a program may change its working folder.
func TestTempRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("TMPDIR", ".")
	var s lastly.Scope
	path, err := resource.TempDir(&s, "x-*")
	noError(t, err)
	f, err := resource.TempFile(&s, "x-*")
	noError(t, err)
	for _, path := range []string{path, f.Name()} {
		if filepath.Dir(path) != dir {
			t.Errorf("the path is %s, want it in %s", path, dir)
		}
	}
	t.Chdir("/")
	noError(t, s.Close())
	wantNames(t, dir)
}

// TestTempInOrder: what uses the folder runs while it is there, what it uses after it is gone.
func TestTempInOrder(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	var dir string
	s.Defer("before", func(context.Context) error { wantGone(t, dir); return nil })
	dir, err := resource.TempDir(&s, "order-*")
	noError(t, err)
	s.Defer("after", func(context.Context) error {
		_, err := os.Stat(dir)
		return err
	})
	// A tree that os.RemoveAll would refuse to an ordinary user.
	noError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	noError(t, os.WriteFile(filepath.Join(dir, "a", "b", "file"), nil, 0o400))
	noError(t, os.Symlink("/", filepath.Join(dir, "a", "link")))
	for _, path := range []string{filepath.Join(dir, "a", "b"), filepath.Join(dir, "a"), dir} {
		noError(t, os.Chmod(path, 0o500))
	}
	h := s.Report().Hooks[1]
	if h.Name != "temp folder "+dir || !strings.Contains(h.Site, "temp_test.go:") || h.Kind != "durable" || h.Note == "" {
		t.Errorf("the plan has %q of kind %q at %s (%s)", h.Name, h.Kind, h.Site, h.Note)
	}
	noError(t, s.Close())
}

// TestTempTwice is conformance 78: a folder that is gone is no error, whoever removed it, and how often.
func TestTempTwice(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	dir, err := resource.TempDir(&s, "")
	noError(t, err)
	removed, err := resource.TempDir(&s, "")
	noError(t, err)
	noError(t, os.Remove(removed))
	f, err := resource.TempFile(&s, "")
	noError(t, err)
	noError(t, f.Close())
	noError(t, os.Remove(f.Name()))
	for range 3 {
		noError(t, s.Close())
		wantGone(t, dir)
	}
}

func TestTempFile(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	f, err := resource.TempFile(&s, "data-*.bin")
	noError(t, err)
	if _, err := f.WriteString("both ways"); err != nil {
		t.Error(err)
	}
	_, err = f.Seek(5, io.SeekStart)
	noError(t, err)
	if got, err := io.ReadAll(f); string(got) != "ways" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	h := s.Report().Hooks[0]
	if h.Name != "temp file "+f.Name() || !strings.Contains(h.Site, "temp_test.go:") {
		t.Errorf("the plan has %q at %s", h.Name, h.Site)
	}
	closed, err := resource.TempFile(&s, "closed")
	noError(t, err)
	noError(t, closed.Close())

	noError(t, s.Close())
	wantGone(t, f.Name())
	wantGone(t, closed.Name())
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it was left open: %v", err)
	}
}

// TestTempReplaced: what bears the name by now is somebody else's.
func TestTempReplaced(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	dir, err := resource.TempDir(&s, "")
	noError(t, err)
	f, err := resource.TempFile(&s, "")
	noError(t, err)
	precious := t.TempDir()
	noError(t, os.WriteFile(filepath.Join(precious, "one"), nil, 0o600))
	noError(t, os.WriteFile(filepath.Join(precious, "two"), nil, 0o600))
	noError(t, os.Remove(dir))
	noError(t, os.Mkdir(dir, 0o700)) // of the same user, and likely with the same inode
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	noError(t, os.Rename(filepath.Join(precious, "one"), filepath.Join(dir, "one")))
	noError(t, f.Close())
	noError(t, os.Remove(f.Name()))
	noError(t, os.Rename(filepath.Join(precious, "two"), f.Name()))
	t.Cleanup(func() { _ = os.Remove(f.Name()) })

	wantError(t, s.Close(), pathid.ErrReplaced, dir, f.Name(), "left alone")
	for _, path := range []string{filepath.Join(dir, "one"), f.Name()} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestTempThousand: closing leaves nothing, not even records.
func TestTempThousand(t *testing.T) {
	dir := tempHome(t)
	var s lastly.Scope
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 100 {
				if _, err := resource.TempDir(&s, "many-*"); err != nil {
					t.Error(err)
				}
			}
			for range 10 {
				if _, err := resource.TempFile(&s, "many-*"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(namesIn(dir)); n != 1100 {
		t.Errorf("there are %d, want 1100", n)
	}
	noError(t, s.Close())
	wantNames(t, dir)
}

// TestTempTooLate: on a closed scope nothing is made; in a hook, the folder stays until the hook has ended.
func TestTempTooLate(t *testing.T) {
	home := tempHome(t)
	var s lastly.Scope
	var dir string
	s.Defer("late", func(context.Context) (err error) {
		if dir, err = resource.TempDir(&s, "late-*"); err != nil {
			return err
		}
		f, err := resource.TempFile(&s, "late-*")
		if err != nil {
			return err
		}
		_, err = f.WriteString("it is open")
		return errors.Join(err, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	})
	noError(t, s.Close())
	if dir == "" {
		t.Error("the hook did not run")
	}
	wantNames(t, home)

	_, err := resource.TempDir(&s, "x")
	wantError(t, err, lastly.ErrClosed, "temp folder", `"x"`, "use a scope that is open")
	_, err = resource.TempFile(&s, "x")
	wantError(t, err, lastly.ErrClosed, "temp file", `"x"`)
	wantNames(t, home)
}

// TestTempWhileClosing: in the race with a close there is either a folder that the close removes, or an error and none.
func TestTempWhileClosing(t *testing.T) {
	home := tempHome(t)
	for range 50 {
		var s lastly.Scope
		var makers sync.WaitGroup
		for range 4 {
			makers.Go(func() {
				if _, err := resource.TempDir(&s, ""); err != nil && !errors.Is(err, lastly.ErrClosing) {
					t.Error(err)
				}
				if f, err := resource.TempFile(&s, ""); err == nil {
					_, _ = f.WriteString("x")
				} else if !errors.Is(err, lastly.ErrClosing) {
					t.Error(err)
				}
			})
		}
		noError(t, s.Close())
		makers.Wait()
		wantNames(t, home)
	}
}

// TestTempStruck: a scope that closes while something is made leaves nothing of it.
func TestTempStruck(t *testing.T) {
	home := tempHome(t)
	t.Cleanup(func() { edge.Set(nil) })
	for _, point := range []string{
		"resource.tempdir: registered", "resource.tempdir: made", "resource.tempfile: registered", "resource.tempfile: opened",
		"resource.create: registered", "resource.create: opened", "resource.create: identified", "resource.create: chmod",
	} {
		var s lastly.Scope
		edge.Set(func(at string) error {
			if at == point {
				return s.Close()
			}
			return nil
		})
		var err error
		what := point[len("resource."):strings.IndexByte(point, ':')]
		switch what {
		case "tempdir":
			_, err = resource.TempDir(&s, "x-*")
		case "tempfile":
			_, err = resource.TempFile(&s, "x-*")
		case "create":
			var f *resource.AtomicFile
			if f, err = resource.Create(&s, filepath.Join(home, "target")); err == nil {
				err = f.Commit()
			}
		}
		if wantError(t, err, lastly.ErrClosing); t.Failed() {
			t.Fatal(point)
		}
		wantNames(t, home)
	}
}

// TestTempFails: when a step fails, nothing is registered and nothing is left.
func TestTempFails(t *testing.T) {
	home := tempHome(t)
	broken := errors.New("broken")
	for _, point := range []string{"tempdir: registered", "tempdir: made", "tempfile: registered", "tempfile: opened"} {
		failAt(t, "resource."+point, broken)
		var s lastly.Scope
		var err error
		if strings.HasPrefix(point, "tempdir") {
			_, err = resource.TempDir(&s, "x-*")
		} else {
			_, err = resource.TempFile(&s, "x-*")
		}
		wantError(t, err, broken, `"x-*"`)
		wantNothing(t, &s)
		wantNames(t, home)
	}
}
