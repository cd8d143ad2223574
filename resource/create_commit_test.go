package resource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/pathid"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

// TestCommitFails: the error names the target and says that it is untouched, and Close still discards.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks func(t *testing.T, f *resource.AtomicFile, target string) error
		text   string
		left   []string
	}{
		"temporary file gone": {func(_ *testing.T, f *resource.AtomicFile, _ string) error {
			return os.Remove(f.Name())
		}, "no such file", []string{"target"}},
		"closed past it": {func(_ *testing.T, f *resource.AtomicFile, _ string) error {
			return f.File.Close()
		}, "already closed", []string{"target"}},
		"a folder by now": {func(_ *testing.T, _ *resource.AtomicFile, target string) error {
			return errors.Join(os.Remove(target), os.Mkdir(target, 0o700), os.WriteFile(filepath.Join(target, "file"), nil, 0o600))
		}, "file exists", []string{"target"}},
		"a write failed": {func(t *testing.T, f *resource.AtomicFile, _ string) error {
			if _, err := f.WriteAt([]byte("x"), -1); err == nil {
				t.Error("a negative offset is no error")
			}
			return nil
		}, "not complete", []string{"target"}},
		"a flush failed": {func(t *testing.T, f *resource.AtomicFile, target string) error {
			file := f.File
			broken, err := os.Open(target)
			noError(t, errors.Join(err, broken.Close()))
			f.File = broken
			if f.Sync() == nil {
				t.Error("a closed file was flushed")
			}
			f.File = file // whose next flush says nothing of what was lost
			return nil
		}, "not complete", []string{"target"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s lastly.Scope
			dir := t.TempDir()
			target := put(t, filepath.Join(dir, "target"), oldContent)
			f := created(t, &s, target)
			noError(t, c.breaks(t, f, target))
			for range 2 {
				wantError(t, f.Commit(), nil, target, "its old content is untouched", "create it again", c.text)
			}
			if _, err := os.Stat(filepath.Join(target, "file")); err != nil { // it is no folder
				wantContent(t, target, oldContent)
			}
			noError(t, f.Close())
			wantNothing(t, &s)
			wantNames(t, dir, c.left...)
			noError(t, s.Close())
		})
	}
}

// TestCommitOfAnother: what was put in the place of the temporary file is neither committed nor removed.
func TestCommitOfAnother(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	f := created(t, &s, target)
	noError(t, os.Rename(put(t, filepath.Join(dir, "another"), "precious"), f.Name()))
	wantError(t, f.Commit(), nil, target, "something else is in the place of the temporary file", "it was not made")
	wantError(t, f.Close(), pathid.ErrReplaced, f.Name(), "left alone")
	wantNames(t, dir, filepath.Base(f.Name()))
	wantContent(t, f.Name(), "precious")
	noError(t, s.Close()) // the error was Close's
}

// TestCloseWaitsForCommit: the close of a scope and a Commit that runs don't cut each other short.
func TestCloseWaitsForCommit(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	var s lastly.Scope
	f := created(t, &s, target)
	flushing, goOn := make(chan struct{}), make(chan struct{})
	edge.Set(func(point string) error {
		if point == "resource.create: synced" {
			close(flushing)
			<-goOn
		}
		return nil
	})
	t.Cleanup(func() { edge.Set(nil) })
	var both sync.WaitGroup
	both.Go(func() { noErrorYet(t, f.Commit()) })
	<-flushing
	ended := make(chan error, 1)
	both.Go(func() { ended <- s.Close() })
	testproc.Poll(t, "the start of the hook", func() bool { return s.Report().Hooks[0].Outcome == lastly.OutcomeRunning })
	select {
	case err := <-ended:
		t.Errorf("the close did not wait: %v", err)
	default:
	}
	close(goOn)
	both.Wait()
	noError(t, <-ended)
	noError(t, f.Close())
	wantContent(t, target, newContent)
	wantNames(t, dir, "target")
}

// TestCommitHangs: a Commit that does not return (a network filesystem that is gone) keeps the close no longer than its
// hook's time.
func TestCommitHangs(t *testing.T) {
	dir := t.TempDir()
	target := put(t, filepath.Join(dir, "target"), oldContent)
	var s lastly.Scope
	f := created(t, s.Child(lastly.Hook{Name: "child", Timeout: 50 * time.Millisecond}), target)
	hangs, goOn := make(chan struct{}), make(chan struct{})
	edge.Set(func(point string) error {
		if point == "resource.create: written" {
			close(hangs)
			<-goOn
		}
		return nil
	})
	t.Cleanup(func() { edge.Set(nil) })
	var commit sync.WaitGroup
	commit.Go(func() { noErrorYet(t, f.Commit()) })
	<-hangs
	wantError(t, s.Close(), context.DeadlineExceeded, target, "its Commit still runs")
	close(goOn)
	commit.Wait() // it succeeds after all
	noError(t, f.Close())
	wantContent(t, target, newContent)
}

// TestCommitWhileClosing: in the race with a close there is the new content without an error, or the old one with one.
func TestCommitWhileClosing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 50 {
		target := put(t, filepath.Join(dir, fmt.Sprint(i)), oldContent)
		var s lastly.Scope
		f := created(t, &s, target)
		var both sync.WaitGroup
		var err error
		both.Go(func() { err = f.Commit() })
		both.Go(func() { noErrorYet(t, s.Close()) })
		both.Wait()
		want := newContent
		if err != nil {
			want = oldContent
			wantError(t, err, lastly.ErrClosing, target)
		}
		wantContent(t, target, want)
		noError(t, f.Close())
	}
	if n := len(namesIn(dir)); n != 50 {
		t.Errorf("there are %d files, want 50", n)
	}
}

// TestCreateMany writes the same targets from many goroutines: each ends up as one of them wrote it.
func TestCreateMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var s lastly.Scope
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			f, err := resource.Create(&s, filepath.Join(dir, fmt.Sprint(i%4)))
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for range 10 {
				_, _ = f.Write(bytes.Repeat([]byte{byte('a' + i)}, 1000))
			}
			if i%5 != 0 {
				noErrorYet(t, f.Commit())
			}
		})
	}
	all.Wait()
	wantNames(t, dir, "0", "1", "2", "3")
	for i := range 4 {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		noError(t, err)
		if len(got) != 10_000 || !bytes.Equal(got, bytes.Repeat(got[:1], 10_000)) {
			t.Errorf("%d has %d bytes of several writers", i, len(got))
		}
	}
	wantNothing(t, &s)
	noError(t, s.Close())
}
