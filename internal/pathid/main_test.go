package pathid

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) {
	os.Exit(testproc.Main(m, victims, deepVictim))
}

// folder is a new folder without a link in its path.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(path), 0o600))
}

func link(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("symbolic links need a privilege:", err)
		}
		t.Fatal(err)
	}
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// stays and isGone check what is left.
func stays(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if !isThere(path) {
			t.Errorf("%s was harmed", path)
		}
	}
}

func isGone(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if isThere(path) {
			t.Errorf("%s is still there", path)
		}
	}
}

// captured is Capture, and what a journal does to it.
func captured(t testing.TB, path string) ID {
	t.Helper()
	id, err := Capture(path)
	must(t, err)
	if id.Kind == Existing && !id.Exists() { // in some containers
		if os.Getenv("LASTLY_REQUIRE_REAL") != "" {
			t.Fatal("the kernel tells no handle here")
		}
		t.Skip("the kernel tells no handle here: run the tests on another filesystem, or outside of the sandbox")
	}
	return journaled(t, id)
}

func journaled(t testing.TB, id ID) ID {
	t.Helper()
	text, err := json.Marshal(id)
	must(t, err)
	var back ID
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	must(t, d.Decode(&back))
	must(t, back.Check())
	if back.Path() != id.Path() || back.Kind != id.Kind || back.Exists() != id.Exists() {
		t.Errorf("%s became %v, was %v", text, back, id)
	}
	return back
}

// removes wants Remove to end with the error; nil means that it is gone.
func removes(t testing.TB, id ID, want error) {
	t.Helper()
	wants(t, Remove(context.Background(), id, Options{}), want, id.Path())
}

func wants(t testing.TB, err, want error, path string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want: %v", path, err, want)
	}
	if err != nil && !strings.HasPrefix(err.Error(), "pathid: ") {
		t.Errorf("the error does not say who speaks: %v", err)
	}
}
