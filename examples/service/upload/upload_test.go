package upload

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lastly-go/lastly"
)

func TestSave(t *testing.T) {
	f := open(t)
	path, err := f.Save(strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "hello" {
		t.Errorf("saved %q, %v; want hello", text, err)
	}
	if dir := filepath.Dir(path); dir != f.Path() {
		t.Errorf("saved in %s, want %s", dir, f.Path())
	}
}

func TestBrokenUploadLeavesNothing(t *testing.T) {
	f := open(t)
	broken := errors.New("connection lost")
	_, err := f.Save(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("Save: %v, want %v", err, broken)
	}
	if files, err := os.ReadDir(f.Path()); err != nil || len(files) != 0 {
		t.Errorf("left in the folder: %v, %v", files, err)
	}
}

func TestHookRemovesTheFolder(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var scope lastly.Scope
	f, err := Register(&scope)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Save(strings.NewReader("forgotten")); err != nil {
		t.Fatal(err)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("left in the temp folder: %v, %v", left, err)
	}
	if _, err := f.Save(strings.NewReader("late")); err == nil {
		t.Error("Save after the end: no error")
	}
}

func open(t *testing.T) *Folder {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	f, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}
