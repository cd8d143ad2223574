package real

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	var want []string
	for _, folder := range []string{"usr/sbin", "sbin", "usr/lib/postgresql/17/bin", "usr/lib/postgresql/9/bin"} {
		folder = filepath.Join(root, folder)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		want = append(want, folder)
	}
	got := folders(root)
	if !slices.Equal(got, want) {
		t.Errorf("folders: %q, want %q: the newest server first", got, want)
	}
	t.Setenv("PATH", t.TempDir())
	for _, i := range []int{3, 2, 0} {
		path := filepath.Join(want[i], "a-server")
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if got := find("a-server", got); got != path {
			t.Errorf("found %q, want %q", got, path)
		}
	}
	if got := find("another", got); got != "" {
		t.Errorf("found %q, which nobody installed", got)
	}
}

// recorder is a test that may be skipped or fail.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) { r.say("skip: "+format, args) }

func (r *recorder) Fatalf(format string, args ...any) { r.say("fatal: "+format, args) }

func (r *recorder) say(format string, args []any) {
	r.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func need(program, debianPackage string) (path, said string) {
	r := new(recorder)
	done := make(chan struct{})
	go func() { // ends with Need, which may end its goroutine
		defer close(done)
		path = Need(r, program, debianPackage)
	}()
	<-done
	return path, r.said
}

func TestNeed(t *testing.T) {
	t.Setenv("LASTLY_REQUIRE_REAL", "")
	if path, said := need("go", "golang-go"); path == "" || said != "" {
		t.Errorf("go: %q, %q", path, said)
	}
	const why = "no-such-program is not installed (apt-get install no-package)"
	if path, said := need("no-such-program", "no-package"); path != "" || said != "skip: "+why {
		t.Errorf("a missing one: %q, %q", path, said)
	}
	t.Setenv("LASTLY_REQUIRE_REAL", "1")
	if path, said := need("no-such-program", "no-package"); path != "" || said != "fatal: "+why+", and LASTLY_REQUIRE_REAL is set" {
		t.Errorf("a missing one that is required: %q, %q", path, said)
	}
}
