package resource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{
	"temp-dies":        tempDies,
	"temp-main":        tempMain,
	"temp-best-effort": tempBestEffort,
})

// tempDies makes a folder or a file, and dies at a point of that, or afterwards.
func tempDies(args []string) {
	var s lastly.Scope
	dieAt(args[1])
	switch args[0] {
	case "folder":
		dir, err := resource.TempDir(&s, "work-*")
		exitOn(err)
		exitOn(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	case "file":
		f, err := resource.TempFile(&s, "work-*")
		exitOn(err)
		_, err = f.WriteString("content")
		exitOn(err)
	case "target":
		_, err := resource.Create(&s, filepath.Join(os.TempDir(), "target"))
		exitOn(err)
	}
	switch args[1] {
	case "replaced":
		exitOn(replaceAll(os.TempDir()))
		fallthrough
	case "in use":
		die()
	}
	exitOn(s.Close())
	os.Exit(4)
}

// TestTempDeaths: whenever it dies, nothing is left, by a guard or by the next start.
func TestTempDeaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, point string }{
		{"folder", "resource.tempdir: registered"},
		{"folder", "resource.tempdir: made"},
		{"folder", "in use"},
		{"file", "resource.tempfile: registered"},
		{"file", "resource.tempfile: opened"},
		{"file", "in use"},
	} {
		for _, guarded := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, %s, guard %v", c.what, c.point, guarded), func(t *testing.T) {
				t.Parallel()
				l := newFilesLab(t)
				l.start(guarded, "temp-dies", c.what, c.point).Wait().Check(t, "signal killed")
				l.settle(guarded)
				l.wantNames()
			})
		}
	}
}

// replaceAll gives each name in a folder to something else.
func replaceAll(dir string) error {
	for _, name := range namesIn(dir) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte("precious"), 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// TestTempReplacedDeath: whoever settles removes what was made, and nothing else of that name.
func TestTempReplacedDeath(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"folder", "file", "target"} {
		l := newFilesLab(t)
		l.start(false, "temp-dies", what, "replaced").Wait().Check(t, "signal killed")
		r, err := durable.Recover(t.Context(), durable.Options{Dir: l.journal})
		noError(t, err)
		if r.Count(durable.Failed) != 1 {
			t.Fatalf("%s: %v", what, r)
		}
		wantError(t, r.Journals[0].Records[0].Err, nil, l.files, "something else is in its place")
		names := namesIn(l.files)
		if len(names) != 1 {
			t.Fatalf("%s: there are %q", what, names)
		}
		wantContent(t, filepath.Join(l.files, names[0]), "precious")
	}
}

// tempMain is a program with a folder, which ends as it is told.
func tempMain(args []string) {
	lastly.Main(func(ctx context.Context) error {
		dir, err := resource.TempDir(lastly.Process(), "main-*")
		if err != nil {
			return err
		}
		testproc.Say("%d in %s", len(namesIn(filepath.Dir(dir))), filepath.Base(filepath.Dir(dir)))
		switch args[0] {
		case "error":
			return errors.New("told to fail")
		case "panic":
			panic("told to panic")
		case "exit":
			lastly.Exit(0)
		case "die":
			die()
		case "wait":
			<-ctx.Done()
		}
		return nil
	})
}

// TestTempEnds is conformance 80a: a folder that nobody removed is gone when the program has ended, however it did.
func TestTempEnds(t *testing.T) {
	t.Parallel()
	for how, ended := range map[string]string{"return": "exit 0", "error": "exit 1", "panic": "exit 2", "exit": "exit 0", "wait": "exit 0"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			l := newFilesLab(t)
			p := l.start(true, "temp-main", how)
			p.WaitLine("1 in files")
			if how == "wait" {
				p.Signal(syscall.SIGTERM)
			}
			p.Wait().Check(t, ended)
			l.wantNames()
		})
	}
}

// TestTempNextStart is conformance 90: what an earlier run left is removed by the next start.
func TestTempNextStart(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	l.start(false, "temp-main", "die").Wait().Check(t, "signal killed")
	if n := len(namesIn(l.files)); n != 1 {
		t.Fatalf("%d folders are left, want 1", n)
	}
	r := l.start(false, "temp-main", "return").Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "1 in files") // its own
	l.wantNames()
}

// tempBestEffort has a folder that can't be removed.
func tempBestEffort(args []string) {
	lastly.Main(func(context.Context) error {
		s := lastly.Process().Child(lastly.Hook{Name: "scratch", BestEffort: args[0] == "best effort"})
		dir, err := resource.TempDir(s, "best-*")
		if err != nil {
			return err
		}
		return errors.Join(os.Rename(dir, dir+"x"), os.Mkdir(dir, 0o700))
	})
}

// TestTempBestEffort is conformance 80b: with errors ignored, the exit goes on quietly.
func TestTempBestEffort(t *testing.T) {
	t.Parallel()
	for how, ended := range map[string]string{"best effort": "exit 0", "strict": "exit 1"} {
		l := newFilesLab(t)
		r := l.start(false, "temp-best-effort", how).Wait()
		r.Check(t, ended)
		r.CheckErr(t, "something else is in its place")
		if n := len(namesIn(l.files)); n != 2 {
			t.Errorf("%s: %d folders are left, want both", how, n)
		}
	}
}
