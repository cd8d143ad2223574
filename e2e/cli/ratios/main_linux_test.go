package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// tiny is as little as gives a figure.
var tiny = sizes{tries: 1, lists: 1, records: 200}

func TestMain(m *testing.M) { os.Exit(testproc.OwnFolder(m.Run)) }

// TestEverything measures everything once, and wants figures that can be, and nothing left behind.
func TestEverything(t *testing.T) {
	dir := t.TempDir()
	got, err := measured(t.Context(), io.Discard, options{rounds: 1, dir: dir}, tiny)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range got.lines {
		if l.Work == "" || l.Unit == "" || l.Most < 0 || len(l.Figures) != 1 {
			t.Errorf("incomplete: %+v", l)
		}
		for _, f := range l.Figures {
			// What one run takes more than another one, each tried once, may be anything, also negative.
			difference := strings.HasSuffix(l.Work, " adds") || strings.HasPrefix(l.Unit, "× what")
			if math.IsNaN(f) || math.Abs(f) > 1e6 || f <= 0 && !difference {
				t.Errorf("%s: %v %s, which can't be", l.Work, f, l.Unit)
			}
		}
	}
	checkNothingLeft(t, dir)
}

// checkNothingLeft wants no file in the folder, and no process that was told of one.
func checkNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	testproc.Poll(t, "the processes to end", func() bool {
		lists, _ := filepath.Glob("/proc/[0-9]*/environ")
		return !slices.ContainsFunc(lists, func(list string) bool {
			text, _ := os.ReadFile(list) // of somebody else's, or of one that is gone: not of this test
			return bytes.Contains(text, []byte("LASTLY_DIR="+dir))
		})
	})
}

// TestEarlyEnd is given up in the midst of it.
func TestEarlyEnd(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	quit := writer(func(text []byte) {
		if bytes.Contains(text, []byte("round 2")) {
			cancel()
		}
	})
	if _, err := measured(ctx, quit, options{rounds: 3, dir: dir, only: "add"}, sizes{tries: 2}); err == nil {
		t.Error("no error")
	}
	checkNothingLeft(t, dir)
}

type writer func(text []byte)

func (w writer) Write(text []byte) (int, error) {
	w(text)
	return len(text), nil
}

func TestFlags(t *testing.T) {
	t.Parallel()
	if code := command([]string{"-help"}, io.Discard, io.Discard); code != 0 {
		t.Errorf("-help: exit code %d, want 0", code)
	}
	for _, args := range [][]string{{"-rounds", "0"}, {"-only", "no such part"}, {"-nonsense"}, {"argument"}} {
		if code := command(args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
	manual, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	flags, _ := newFlags(io.Discard)
	flags.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(string(manual), "[-"+f.Name) {
			t.Errorf("the manual lacks the flag -%s", f.Name)
		}
	})
}

// TestPage wants docs/performance.md to have every goal.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{sizes: whole}
	for _, f := range l.fronts() {
		if !strings.Contains(string(page), "\n| "+f.work+" | ") {
			t.Errorf("docs/performance.md does not have the row %q", f.work)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	const want = `| work | goal: at most | reached | lowest to highest | |
|---|---|---|---|---|
| a | 2.2 × b | 2 | 1.5 to 3 | yes |
| c | 4 MB | 5.25 | 5.25 to 5.25 | **no** |

| beside them | median | lowest to highest |
|---|---|---|
| d | 123 ms | 123 to 123 |

Not measured: e, which is not installed.
`
	got := results{missing: []string{"e, which is not installed"}}
	for _, f := range []float64{3, 2, 1.5} {
		got.add("a", "× b", 2.2, f)
	}
	got.add("c", "MB", 4, 5.25)
	got.add("d", "ms", 0, 123.4)
	var b strings.Builder
	if missed := got.print(&b); missed != 1 || b.String() != want {
		t.Errorf("%d missed, want 1:\n%s\nwant:\n%s", missed, b.String(), want)
	}
}

// TestNoBuild: what can't be built is said, and nothing stays.
func TestNoBuild(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if _, err := measured(t.Context(), io.Discard, options{rounds: 1, dir: dir}, tiny); err == nil {
		t.Error("no error without the go command")
	}
	checkNothingLeft(t, dir)
}

// TestFailure: a program that fails is no figure.
func TestFailure(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{null: null}
	if _, err := l.turns(t.Context(), 1, []side{{[]string{"/bin/sh", "-c", "exit 3"}, nil}}); err == nil {
		t.Error("no error for exit status 3")
	}
	if _, err := l.turns(t.Context(), 1, []side{{[]string{"/nonexistent"}, nil}}); err == nil {
		t.Error("no error for a program that is not there")
	}
	if err := null.Close(); err != nil {
		t.Error(err)
	}
}
