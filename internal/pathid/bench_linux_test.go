package pathid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
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

// cpu is the time that this process and its ended children have worked: what a busy machine distorts less than the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return time.Duration(sum)
}

// A way is one of those that are compared.
type way struct {
	name    string
	base    func(i int) string
	capture func(path string) (ID, error)
	remove  func(path string, id ID) error
}

// compare has each way remove count things that plant makes, and reports the time of one in ns and in cpu-ns.
func compare(b *testing.B, count int, plant func(b *testing.B, path string), ways ...way) {
	b.Helper()
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			dir := b.TempDir()
			paths, ids := make([]string, count), make([]ID, count)
			var worked time.Duration
			for b.Loop() {
				b.StopTimer()
				for i := range paths {
					paths[i] = filepath.Join(dir, way.base(i))
					plant(b, paths[i])
					var err error
					if ids[i], err = way.capture(paths[i]); err != nil {
						b.Fatal(err)
					}
				}
				before := cpu(b)
				b.StartTimer()
				for i, path := range paths {
					if err := way.remove(path, ids[i]); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				worked += cpu(b) - before
				b.StartTimer()
			}
			things := float64(b.N * count)
			b.ReportMetric(float64(worked.Nanoseconds())/things, "cpu-ns/thing")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/things, "ns/thing")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func ownName(i int) string { return fmt.Sprintf("own-%d", i) }

func newName(int) string { return NewName("f-") }

func noCapture(string) (ID, error) { return ID{}, nil }

func remover(_ string, id ID) error { return Remove(context.Background(), id, Options{}) }

// BenchmarkTree removes trees of 10 000 files.
func BenchmarkTree(b *testing.B) {
	compare(b, 1, plant,
		way{"Remove", ownName, Capture, remover},
		way{"rm-rf", ownName, noCapture, func(path string, _ ID) error { return exec.Command("rm", "-rf", path).Run() }},
		way{"RemoveAll", ownName, noCapture, func(path string, _ ID) error { return os.RemoveAll(path) }})
}

// BenchmarkFile removes single files.
func BenchmarkFile(b *testing.B) {
	file := func(b *testing.B, path string) {
		b.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	compare(b, 1000, file,
		way{"unlink", ownName, noCapture, func(path string, _ ID) error { return syscall.Unlink(path) }},
		way{"new-name", newName, Capture, remover},
		way{"own-name", ownName, Capture, remover})
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

// BenchmarkRead is what reading a record back costs, and judging it.
func BenchmarkRead(b *testing.B) {
	id, err := Capture(filepath.Join(b.TempDir(), NewName("f-")))
	if err != nil {
		b.Fatal(err)
	}
	text, err := json.Marshal(id)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var id ID
		if err := errors.Join(id.UnmarshalJSON(text), id.Check()); err != nil {
			b.Fatal(err)
		}
	}
}
