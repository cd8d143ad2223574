package journal

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/filelock"
)

func TestNames(t *testing.T) {
	id := [16]byte{0xab, 15: 1}
	name := "4711-ab000000000000000000000000000001.journal"
	checkEqual(t, Name(4711, id), name)
	if pid, got, ok := ParseName(name); pid != 4711 || got != id || !ok {
		t.Errorf("ParseName: %d, %x, %v", pid, got, ok)
	}
	for _, bad := range []string{
		"", ".journal", "4711.journal", "4711-.journal", "-ab000000000000000000000000000001.journal",
		"4711-ab000000000000000000000000000001", "04711-ab000000000000000000000000000001.journal",
		"+1-ab000000000000000000000000000001.journal", "4711-AB000000000000000000000000000001.journal",
		"4711-ab0000000000000000000000000000.journal", "4711-ab000000000000000000000000000001-.journal", tempName(id),
	} {
		if _, _, ok := ParseName(bad); ok {
			t.Errorf("%q passes for a journal's name", bad)
		}
	}
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	make := func(name string, at time.Time) string {
		path := filepath.Join(dir, name)
		fatal(t, os.WriteFile(path, nil, 0o600))
		fatal(t, os.Chtimes(path, at, at))
		return path
	}
	make(".new-stale", old)
	make(".new-young", time.Now())
	make("other", old)
	make("1-ab000000000000000000000000000001.journal", old)
	locked, err := os.OpenFile(make(".new-locked", old), os.O_RDWR, 0)
	fatal(t, err)
	defer locked.Close()
	if ok, err := filelock.TryLock(locked); !ok || err != nil {
		t.Fatal(ok, err)
	}
	fatal(t, os.Mkdir(filepath.Join(dir, ".new-folder"), 0o700))
	fatal(t, os.Symlink("other", filepath.Join(dir, ".new-link")))
	RemoveStale(dir)
	RemoveStale(filepath.Join(dir, "missing"))
	entries, err := os.ReadDir(dir)
	fatal(t, err)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := []string{".new-folder", ".new-link", ".new-locked", ".new-young", "1-ab000000000000000000000000000001.journal", "other"}
	if !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}
