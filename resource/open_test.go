package resource_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// TestOpen: the file is open for what uses it, and closed for what it uses.
func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	var s lastly.Scope
	var f *os.File
	s.Defer("before", func(context.Context) error {
		if _, err := f.WriteString("x"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("it is open: %v", err)
		}
		return nil
	})
	f, err := resource.Open(&s, path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	noError(t, err)
	w := bufio.NewWriter(f)
	resource.Own(&s, "log buffer", w)
	s.Defer("after", func(context.Context) error {
		_, err := w.WriteString("the last line\n")
		return err
	})
	h := s.Report().Hooks[1]
	if h.Name != "file "+path || !strings.Contains(h.Site, "open_test.go:") || h.Kind != "hook" {
		t.Errorf("the plan has %q of kind %q at %s", h.Name, h.Kind, h.Site)
	}
	noError(t, s.Close())
	wantContent(t, path, "the last line\n")
}

// TestOpenClosed: a file that its user has closed is no error.
func TestOpenClosed(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	f, err := resource.Open(&s, put(t, filepath.Join(t.TempDir(), "file"), oldContent), os.O_RDONLY, 0)
	noError(t, err)
	noError(t, f.Close())
	noError(t, s.Close())
}

// TestOpenRefused: the error names the file and says what to do, and nothing is registered.
func TestOpenRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := put(t, filepath.Join(dir, "file"), oldContent)
	for _, c := range []struct {
		path   string
		flag   int
		target error
		advice string
	}{
		{filepath.Join(dir, "none"), os.O_RDONLY, fs.ErrNotExist, "os.O_CREATE"},
		{filepath.Join(dir, "none", "file"), os.O_CREATE | os.O_WRONLY, fs.ErrNotExist, "make its folder first"},
		{file, os.O_CREATE | os.O_EXCL | os.O_WRONLY, fs.ErrExist, "choose another name"},
		{dir, os.O_WRONLY, nil, "check the path"},
	} {
		var s lastly.Scope
		_, err := resource.Open(&s, c.path, c.flag, 0o600)
		wantError(t, err, c.target, "lastly: open", c.path, c.advice)
		wantNothing(t, &s)
	}
}

// TestOpenTooLate: on a closed scope nothing is opened, made or cut; in a hook, the file stays open until the hook has ended.
func TestOpenTooLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var s lastly.Scope
	s.Defer("late", func(context.Context) error {
		f, err := resource.Open(&s, filepath.Join(dir, "late"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString("it is open")
		return err
	})
	noError(t, s.Close())
	wantContent(t, filepath.Join(dir, "late"), "it is open")

	_, err := resource.Open(&s, filepath.Join(dir, "late"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	wantError(t, err, lastly.ErrClosed, filepath.Join(dir, "late"), "use a scope that is open")
	_, err = resource.Open(&s, filepath.Join(dir, "new"), os.O_CREATE|os.O_WRONLY, 0o600)
	wantError(t, err, lastly.ErrClosed)
	wantNames(t, dir, "late")
	wantContent(t, filepath.Join(dir, "late"), "it is open")
}
