package resource_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/testproc"
)

// A filesLab is what a victim of the tests of files works in: a folder for its files, which is its TMPDIR as well, and one
// for its journal.
type filesLab struct {
	t              testing.TB
	files, journal string
}

func newFilesLab(t testing.TB) *filesLab {
	t.Helper()
	l := &filesLab{t: t, files: filepath.Join(t.TempDir(), "files"), journal: filepath.Join(t.TempDir(), "journal")}
	for _, dir := range []string{l.files, l.journal} {
		noError(t, os.Mkdir(dir, 0o700))
	}
	return l
}

// start starts a victim here, with a guard or without.
func (l *filesLab) start(guarded bool, victim string, args ...string) *testproc.Proc {
	l.t.Helper()
	env := []string{"LASTLY_DIR=" + l.journal, "TMPDIR=" + l.files}
	if !guarded {
		env = append(env, "LASTLY_GUARD=off")
	}
	return testproc.Spec{Victim: victim, Args: args, Env: env}.Start(l.t)
}

// settle waits for the guard of a victim that is dead, or does what the next start does where there was none.
func (l *filesLab) settle(guarded bool) {
	l.t.Helper()
	if !guarded {
		r, err := durable.Recover(l.t.Context(), durable.Options{Dir: l.journal})
		noError(l.t, err)
		if n := r.Count(durable.Settled); n != 1 {
			l.t.Errorf("%d records were settled, want 1\n%v", n, r)
		}
	}
	testproc.Poll(l.t, "the end of the journal", func() bool { return len(l.journals()) == 0 })
}

func (l *filesLab) journals() []string {
	paths, err := filepath.Glob(filepath.Join(l.journal, "*.journal"))
	noError(l.t, err)
	return paths
}

// wantNames checks what is in the folder of files.
func (l *filesLab) wantNames(want ...string) {
	l.t.Helper()
	wantNames(l.t, l.files, want...)
}

func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	if got := namesIn(dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func namesIn(dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks an error and that its text has what its reader needs.
func wantError(t testing.TB, err, target error, texts ...string) {
	t.Helper()
	if err == nil || target != nil && !errors.Is(err, target) {
		t.Errorf("the error is %v, want one that is %v", err, target)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, err)
		}
	}
}

func wantGone(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", path, err)
	}
}

// wantNothing checks that nothing is registered on a scope.
func wantNothing(t testing.TB, s *lastly.Scope) {
	t.Helper()
	if hooks := s.Report().Hooks; len(hooks) > 0 {
		t.Errorf("%q is registered", hooks[0].Name)
	}
}

// tempHome makes a folder of the test the one for temporary files.
func tempHome(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

// dieAt kills the process at a point.
func dieAt(point string) {
	edge.Set(func(at string) error {
		if at == point {
			die()
		}
		return nil
	})
}

func die() {
	self, err := os.FindProcess(os.Getpid())
	exitOn(err)
	exitOn(self.Kill())
	select {}
}

// exitOn is how a victim fails.
func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// failAt makes a point fail. The test must not be parallel.
func failAt(t testing.TB, point string, with error) {
	passed := false
	edge.Set(func(at string) error {
		if at != point {
			return nil
		}
		passed = true
		return with
	})
	t.Cleanup(func() {
		edge.Set(nil)
		if !passed {
			t.Errorf("the point %q was not passed", point)
		}
	})
}

// put writes a file for a test.
func put(t testing.TB, path, content string) string {
	t.Helper()
	noError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func wantContent(t testing.TB, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s has %q, want %q (%v)", filepath.Base(path), got, want, err)
	}
}

// noErrorYet is noError for a goroutine that is not the test's.
func noErrorYet(t testing.TB, err error) {
	if err != nil {
		t.Error(err)
	}
}
