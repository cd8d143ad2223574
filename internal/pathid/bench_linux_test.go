package pathid

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// plant makes a tree of 10 000 files in 100 folders.
func plant(b *testing.B, root string) {
	b.Helper()
	for i := range 100 {
		dir := filepath.Join(root, fmt.Sprintf("folder-%d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file-%d", j)), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkTree removes 10 000 files; compare the ns/op.
func BenchmarkTree(b *testing.B) {
	ways := []struct {
		name   string
		remove func(path string, id ID) error
	}{
		{"Remove", func(_ string, id ID) error { return Remove(context.Background(), id, Options{}) }},
		{"rm-rf", func(path string, _ ID) error { return exec.Command("rm", "-rf", path).Run() }},
		{"RemoveAll", func(path string, _ ID) error { return os.RemoveAll(path) }},
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "tree")
			for b.Loop() {
				b.StopTimer()
				plant(b, path)
				id, err := Capture(path)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := way.remove(path, id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFile removes one file at a time; compare the ns/op.
func BenchmarkFile(b *testing.B) {
	const batch = 1000
	none := func(string) (ID, error) { return ID{}, nil }
	remove := func(_ string, id ID) error { return Remove(context.Background(), id, Options{}) }
	ways := []struct {
		name    string
		base    func(i int) string
		capture func(path string) (ID, error)
		remove  func(path string, id ID) error
	}{
		{"unlink", func(i int) string { return fmt.Sprintf("file-%d", i) }, none, func(path string, _ ID) error { return syscall.Unlink(path) }},
		{"new-name", func(int) string { return NewName("f-") }, Capture, remove},
		{"own-name", func(i int) string { return fmt.Sprintf("file-%d", i) }, Capture, remove},
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			dir := b.TempDir()
			var paths []string
			var ids []ID
			for b.Loop() {
				if len(paths) == 0 {
					b.StopTimer()
					for i := range batch {
						path := filepath.Join(dir, way.base(i))
						if err := os.WriteFile(path, nil, 0o600); err != nil {
							b.Fatal(err)
						}
						id, err := way.capture(path)
						if err != nil {
							b.Fatal(err)
						}
						paths, ids = append(paths, path), append(ids, id)
					}
					b.StartTimer()
				}
				last := len(paths) - 1
				if err := way.remove(paths[last], ids[last]); err != nil {
					b.Fatal(err)
				}
				paths, ids = paths[:last], ids[:last]
			}
		})
	}
}

// BenchmarkCapture is what one record costs before it is written.
func BenchmarkCapture(b *testing.B) {
	dir := b.TempDir()
	absent := filepath.Join(dir, NewName("f-"))
	present := filepath.Join(dir, "file")
	if err := os.WriteFile(present, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{"absent": absent, "present": present, "folder": dir + "/."} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Capture(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
