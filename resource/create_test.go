package resource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/pathid"
	"github.com/lastly-go/lastly/resource"
)

const (
	oldContent = "the old content, all of it\n"
	newContent = "the new content, all of it, and it is longer\n"
)

// created is a file from Create with the new content in it.
func created(t testing.TB, s *lastly.Scope, path string) *resource.AtomicFile {
	t.Helper()
	f, err := resource.Create(s, path)
	noError(t, err)
	_, err = f.WriteString(newContent)
	noError(t, err)
	return f
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{true, false} {
		var s lastly.Scope
		dir := t.TempDir()
		target := filepath.Join(dir, "report.json")
		before := []string{"report.json"}
		if fresh {
			before = nil
		} else {
			put(t, target, oldContent)
		}
		f := created(t, &s, target)
		base := filepath.Base(f.Name())
		if filepath.Dir(f.Name()) != dir || !strings.HasPrefix(base, ".report.json.lastly-") || !pathid.IsNewName(base) {
			t.Errorf("the temporary file is %s", f.Name())
		}
		wantNames(t, dir, append([]string{base}, before...)...)
		h := s.Report().Hooks[0]
		if h.Name != "uncommitted file "+target || !strings.Contains(h.Site, "create_test.go:") || h.Kind != "durable" {
			t.Errorf("the plan has %q of kind %q at %s", h.Name, h.Kind, h.Site)
		}
		if !fresh {
			wantContent(t, target, oldContent)
		}
		for range 2 { // the second changes nothing
			noError(t, f.Commit())
			noError(t, f.Close())
			wantContent(t, target, newContent)
			wantNames(t, dir, "report.json")
			wantNothing(t, &s)
		}
		if _, err := f.Write(nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a write after Commit: %v", err)
		}
		noError(t, s.Close())
		wantContent(t, target, newContent)
	}
}

// TestCreateDiscards: without Commit the target is untouched, and nothing else is left. It has conformance 78 in it.
func TestCreateDiscards(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{true, false} {
		var s lastly.Scope
		dir := t.TempDir()
		old := put(t, filepath.Join(dir, "old"), oldContent)
		files := []*resource.AtomicFile{created(t, &s, old), created(t, &s, filepath.Join(dir, "new"))}
		sentinel, text := lastly.ErrClosing, "before the scope closes"
		if early {
			sentinel, text = os.ErrClosed, "Close"
			for range 2 {
				noError(t, files[0].Close())
				noError(t, files[1].Close())
			}
			wantNothing(t, &s)
		}
		noError(t, s.Close())
		for _, f := range files {
			wantError(t, f.Commit(), sentinel, "commit", dir, "untouched", text)
			noError(t, f.Close())
			if _, err := f.Write(nil); !errors.Is(err, os.ErrClosed) {
				t.Errorf("it was left open: %v", err)
			}
		}
		wantNames(t, dir, "old")
		wantContent(t, old, oldContent)
	}
}

// TestCreateRefused: the error names what is wrong and says what to do; nothing is registered, nothing is left.
func TestCreateRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	noError(t, os.Mkdir(at("folder"), 0o700))
	noError(t, os.Symlink("folder", at("to-folder")))
	noError(t, os.Symlink("loop", at("loop")))
	noError(t, os.Symlink("missing/file", at("to-missing-folder")))
	put(t, at("file"), oldContent)
	before := fmt.Sprint(namesIn(dir))
	for path, texts := range map[string][]string{
		at("folder"):            {at("folder"), "is a folder", "name of a file in it"},
		at("folder") + "/":      {"name of a folder"},
		at("new") + "/":         {"name of a folder"},
		at("to-folder"):         {at("folder"), "is a folder"},
		at("loop"):              {"links", "remove the loop"},
		at("missing/file"):      {at("missing"), "make its folder first"},
		at("to-missing-folder"): {at("missing"), "make its folder first"},
		at("file/file"):         {at("file"), "make its folder first"},
		"":                      {"name of a folder"},
		".":                     {"name of a folder"},
		"/":                     {"name of a folder"},
		os.DevNull:              {os.DevNull, "no regular file", "open it and write to it"},
		at("a\x00b"):            {"invalid argument"},
	} {
		var s lastly.Scope
		f, err := resource.Create(&s, path)
		wantError(t, err, nil, append(texts, fmt.Sprintf("lastly: create %q: ", path))...)
		if f != nil {
			t.Errorf("%q: there is a file", path)
		}
		wantNothing(t, &s)
	}
	var closed lastly.Scope
	noError(t, closed.Close())
	_, err := resource.Create(&closed, at("new"))
	wantError(t, err, lastly.ErrClosed, at("new"), "use a scope that is open")
	if after := fmt.Sprint(namesIn(dir)); after != before {
		t.Errorf("the folder has %s, had %s", after, before)
	}
}

// TestCreateThroughLinks: what a link leads to is replaced, and the link stays.
func TestCreateThroughLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	noError(t, os.MkdirAll(at("real/sub"), 0o700))
	links := map[string]string{
		"link": "real/file", "chain": "link", "absolute": at("real/file"), "sub": "real/sub", "dangling": "real/new",
		"up": "sub/../file", // real/file, for sub is a link; not file
	}
	for name, leads := range links {
		noError(t, os.Symlink(leads, at(name)))
	}
	for through, to := range map[string]string{
		"link": "real/file", "chain": "real/file", "absolute": "real/file", "up": "real/file", "sub/../file": "real/file",
		"sub/file": "real/sub/file", "dangling": "real/new",
	} {
		put(t, at("real/file"), oldContent)
		var s lastly.Scope
		f := created(t, &s, dir+"/"+through)
		if filepath.Dir(f.Name()) != filepath.Dir(at(to)) {
			t.Errorf("%s: it is written in %s", through, filepath.Dir(f.Name()))
		}
		noError(t, f.Commit())
		wantContent(t, at(to), newContent)
		for name, leads := range links {
			if got, err := os.Readlink(at(name)); err != nil || got != leads {
				t.Errorf("%s: the link %s leads to %q now (%v)", through, name, got, err)
			}
		}
	}
	wantGone(t, at("file"))
}

// TestCreateElsewhere: a program may change its working folder between Create and Commit.
func TestCreateElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var s lastly.Scope
	f := created(t, &s, "relative")
	left := created(t, &s, "./left")
	t.Chdir(t.TempDir())
	noError(t, f.Commit())
	wantContent(t, filepath.Join(dir, "relative"), newContent)
	noError(t, s.Close())
	wantNames(t, dir, "relative")
	wantGone(t, left.Name())
}

// TestCreateInHook: what a hook creates, it can commit; the rest is discarded when it has ended.
func TestCreateInHook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var s lastly.Scope
	s.Defer("writes", func(context.Context) error {
		for _, name := range []string{"kept", "left"} {
			f, err := resource.Create(&s, filepath.Join(dir, name))
			if err != nil {
				return err
			}
			if _, err := f.WriteString(newContent); err != nil {
				return err
			}
			if name == "kept" {
				if err := errors.Join(f.Commit(), f.Close()); err != nil {
					return err
				}
			}
		}
		f, err := resource.Create(&s, filepath.Join(dir, "closed"))
		if err != nil {
			return err
		}
		return f.Close()
	})
	noError(t, s.Close())
	wantNames(t, dir, "kept")
	wantContent(t, filepath.Join(dir, "kept"), newContent)
}

// brokenReader has something and then an error.
type brokenReader struct{ io.Reader }

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestCreateCopies: io.Copy works from files and others, and an error of what is read does not spoil what is written.
func TestCreateCopies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, err := os.Open(put(t, filepath.Join(dir, "source"), oldContent))
	noError(t, err)
	defer source.Close()
	var s lastly.Scope
	f, err := resource.Create(&s, filepath.Join(dir, "target"))
	noError(t, err)
	if n, err := io.Copy(f, source); n != int64(len(oldContent)) || err != nil {
		t.Errorf("copied %d, %v", n, err)
	}
	if n, err := io.Copy(f, brokenReader{strings.NewReader(newContent)}); n != int64(len(newContent)) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("copied %d, %v", n, err)
	}
	if _, err := f.WriteAt([]byte("THE"), 0); err != nil {
		t.Error(err)
	}
	noError(t, f.Commit())
	wantContent(t, filepath.Join(dir, "target"), "THE"+oldContent[3:]+newContent)
}

// TestCreateMode: a new file has what the umask leaves, and one that replaces another has the other's permissions.
func TestCreateMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	plain := put(t, filepath.Join(dir, "plain"), "") // 0600
	noError(t, os.Remove(plain))
	opened, err := os.OpenFile(plain, os.O_CREATE|os.O_WRONLY, 0o666)
	noError(t, err)
	noError(t, opened.Close())
	info, err := os.Stat(plain)
	noError(t, err)
	for _, c := range []struct{ old, want fs.FileMode }{
		{0, info.Mode()},
		{0o600, 0o600},
		{0o640, 0o640},
		{0o666, 0o666},
		{0o755, 0o755},
		{0o444, 0o444},
		{0o755 | fs.ModeSetuid | fs.ModeSetgid, 0o755},
	} {
		_ = os.Remove(target)
		if c.old != 0 {
			put(t, target, oldContent)
			noError(t, os.Chmod(target, c.old))
		}
		var s lastly.Scope
		noError(t, created(t, &s, target).Commit())
		if info, err := os.Stat(target); err != nil || info.Mode() != c.want {
			t.Errorf("%v became %v, want %v (%v)", c.old, info.Mode(), c.want, err)
		}
	}
}

// TestCreateIsPrivate: what replaces a private file is private from the beginning, before it has its owner and its mode.
func TestCreateIsPrivate(t *testing.T) {
	dir := t.TempDir()
	target := put(t, filepath.Join(dir, "target"), oldContent)
	noError(t, os.Chmod(target, 0o640))
	t.Cleanup(func() { edge.Set(nil) })
	var seen fs.FileMode
	edge.Set(func(at string) error {
		if at == "resource.create: opened" {
			info, err := os.Stat(filepath.Join(dir, namesIn(dir)[0]))
			noError(t, err)
			seen = info.Mode()
		}
		return nil
	})
	var s lastly.Scope
	noError(t, created(t, &s, target).Commit())
	if seen != 0o600 {
		t.Errorf("the mode was %v before it was that of the target", seen)
	}
}

// TestCreateNames: what is wrong with a name is said of the name.
func TestCreateNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, want := range map[string]string{
		strings.Repeat("x", 300): "give it a shorter name",
		"a\x00b":                 "NUL",
	} {
		var s lastly.Scope
		_, err := resource.Create(&s, filepath.Join(dir, name))
		if err == nil || !strings.Contains(err.Error(), want) || len(s.Report().Hooks) != 0 {
			t.Errorf("%q: %v, want an error that says %q", name, err, want)
		}
	}
}
