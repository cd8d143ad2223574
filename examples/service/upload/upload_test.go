package upload

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/internal/ownjournal"
)

func TestMain(m *testing.M) { os.Exit(ownjournal.Main(m)) }

// both runs the test with each wiring. end is the end of the folder.
func both(t *testing.T, test func(t *testing.T, f *Folder, end func() error)) {
	t.Helper()
	t.Run("lastly", func(t *testing.T) {
		t.Setenv("TMPDIR", t.TempDir())
		var scope lastly.Scope
		f, err := Register(&scope, filepath.Join(t.TempDir(), "uploads"))
		if err != nil {
			t.Fatal(err)
		}
		test(t, f, scope.Close)
	})
	t.Run("by hand", func(t *testing.T) {
		t.Setenv("TMPDIR", t.TempDir())
		f, err := Open(filepath.Join(t.TempDir(), "uploads"))
		if err != nil {
			t.Fatal(err)
		}
		test(t, f, f.Close)
	})
}

func TestSave(t *testing.T) {
	both(t, func(t *testing.T, f *Folder, end func() error) {
		for _, want := range []string{"hello", "again, in its place"} {
			path, err := f.Save("a.png", strings.NewReader(want))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != want {
				t.Errorf("saved %q, %v; want %s", text, err, want)
			}
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, f.kept, "a.png")
	})
}

func TestBrokenUploadLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, f *Folder, end func() error) {
		broken := errors.New("connection lost")
		_, err := f.Save("a.png", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("Save: %v, want %v", err, broken)
		}
		wantFiles(t, f.kept)
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestNamesAreNames(t *testing.T) {
	both(t, func(t *testing.T, f *Folder, end func() error) {
		for _, name := range []string{"", ".", "..", "../a", "a/b", "/etc/passwd", ".hidden"} {
			if path, err := f.Save(name, strings.NewReader("x")); !errors.Is(err, ErrName) {
				t.Errorf("Save(%q) = %q, %v; want ErrName", name, path, err)
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		wantFiles(t, f.kept)
	})
}

func TestEndRemovesTheTemporaryFolder(t *testing.T) {
	both(t, func(t *testing.T, f *Folder, end func() error) {
		path, err := f.Temp()
		if err != nil {
			t.Fatal(err)
		}
		if dir := filepath.Dir(path); dir != f.temp {
			t.Errorf("a temporary file in %s, want %s", dir, f.temp)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, os.Getenv("TMPDIR"))
		if _, err := f.Temp(); err == nil {
			t.Error("Temp after the end: no error")
		}
	})
}

// TestEndDiscardsWhatIsHalf is for the hook only: by hand, somebody has to think of it.
func TestEndDiscardsWhatIsHalf(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var scope lastly.Scope
	f, err := Register(&scope, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	half, err := f.create(filepath.Join(f.kept, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(half, "half"); err != nil {
		t.Fatal(err)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, f.kept)
}

func TestFolderThatCanNotBe(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var scope lastly.Scope
	if _, err := Register(&scope, path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Register: %v, want an error that names the file in the folder's place", err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open: %v, want an error that names the file in the folder's place", err)
	}
	if n := len(scope.Report().Hooks); n != 0 {
		t.Errorf("%d hooks are registered after an error, want none", n)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("in %s: %q, want %q", filepath.Base(dir), got, want)
	}
}
