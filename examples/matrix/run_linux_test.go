package matrix

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The victims are this test binary again.
func TestMain(m *testing.M) {
	if IsRole() {
		Main()
	}
	os.Exit(m.Run())
}

// TestFew dies some of the deaths; e2e/deaths dies all.
func TestFew(t *testing.T) {
	t.Parallel()
	dir, done := t.TempDir(), 0
	o := Options{
		Dir: dir, Deaths: []string{"sigterm", "map-write", "sigkill", "sigkill-in-hook", "exec", "guard-first", "both", "container"},
		Done: func(Row) { done++ },
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if !r.OK() {
		t.Error("not all is clean")
	}
	if done != len(o.Deaths) || len(r.Rows) != done || r.Cells != done*len(Resources()) {
		t.Errorf("%d rows, %d of them told, %d cells", len(r.Rows), done, r.Cells)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// dirty runs one row of a death that is not in the table.
func dirty(t *testing.T, d death, patience time.Duration) Row {
	t.Helper()
	s, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	row, err := try(t.Context(), Options{Dir: t.TempDir(), patience: patience}, d, s)
	if err != nil {
		t.Fatal(err)
	}
	if row.Clean {
		t.Errorf("the row is clean: %+v", row)
	}
	return row
}

// TestJudgeSeesWhatIsLeft: with the guard dead as well, and no next start, everything is left.
func TestJudgeSeesWhatIsLeft(t *testing.T) {
	t.Parallel()
	row := dirty(t, death{name: "nobody", by: []string{ByGuard}, exit: []string{killed}, end: both}, 100*time.Millisecond)
	for _, c := range row.Cells {
		if c.Clean || c.By != "" || c.Problem == "" {
			t.Errorf("%+v", c)
		}
	}
	if len(row.Cells) != len(Resources()) {
		t.Errorf("%d cells", len(row.Cells))
	}
	if text := strings.Join(row.Problems, "; "); !strings.Contains(text, ".journal is left") {
		t.Errorf("the problems do not name the journal: %s", text)
	}
}

// TestJudgeSeesWhoDidIt: the docs are wrong, about who cleans and how it ends.
func TestJudgeSeesWhoDidIt(t *testing.T) {
	t.Parallel()
	row := dirty(t, death{name: "documented wrongly", by: []string{ByHook}, exit: []string{"exit 7"}, end: signaled(syscall.SIGKILL)}, cleanLimit)
	for _, c := range row.Cells {
		if c.Clean || c.By != ByGuard {
			t.Errorf("%+v", c)
		}
	}
	if text := strings.Join(row.Problems, "; "); !strings.Contains(text, "signal killed, not with exit 7") {
		t.Errorf("the problems do not name the exit: %s", text)
	}
}

// TestJudgeSeesHarm: somebody hits the bystanders, and does things twice.
func TestJudgeSeesHarm(t *testing.T) {
	t.Parallel()
	row := dirty(t, death{name: "rampage", by: []string{ByGuard}, exit: []string{killed}, end: func(ctx context.Context, t *trial) error {
		return errors.Join(
			os.Remove(t.path(tempFolder, keptFile)), os.WriteFile(t.path(besideFolder, keptFile), nil, 0o600),
			t.bystander.Process.Kill(), os.WriteFile(t.path(tempFolder, "litter"), nil, 0o600),
			appendLine(t.path(ranFile), "once"), signaled(syscall.SIGKILL)(ctx, t),
		)
	}}, cleanLimit)
	text := strings.Join(row.Problems, "; ")
	for what, n := range map[string]int{"a file beside was harmed": 2, "a process beside was killed": 1, "litter is left": 1} {
		if strings.Count(text, what) != n {
			t.Errorf("not %d times %q in %s", n, what, text)
		}
	}
	for _, c := range row.Cells {
		if c.Clean == (c.Resource == "command") {
			t.Errorf("%+v", c)
		}
	}
}

func TestChoose(t *testing.T) {
	all, err := Options{}.choose()
	if err != nil || len(all) != len(Deaths()) {
		t.Errorf("all: %d, %v", len(all), err)
	}
	some, err := Options{Deaths: []string{"oom", "return"}}.choose()
	if err != nil || len(some) != 2 || some[0].name != "oom" {
		t.Errorf("some: %v, %v", some, err)
	}
	if _, err := (Options{Deaths: []string{"starvation"}}).choose(); err == nil || !strings.Contains(err.Error(), "choose from return") {
		t.Errorf("no such death: %v", err)
	}
	if _, err := (Options{Resources: []string{"patience"}}).choose(); err == nil || !strings.Contains(err.Error(), "choose from folder") {
		t.Errorf("no such resource: %v", err)
	}
}

// TestInterrupted: the matrix ends soon when its context does, and leaves nothing.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir, done := t.TempDir(), 0
	o := Options{Dir: dir, Parallel: 2, Done: func(Row) { done++; cancel() }}
	_, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v, want %v", err, context.Canceled)
	}
	if done > o.Parallel {
		t.Errorf("%d rows were done, of which all but %d began after the end", done, o.Parallel)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNames(t *testing.T) {
	for _, names := range [][]string{Deaths(), Resources()} {
		sorted := slices.Sorted(slices.Values(names))
		if len(slices.Compact(sorted)) != len(names) || len(names) == 0 {
			t.Errorf("names are not unique: %q", names)
		}
	}
	for _, d := range deaths() {
		if d.title == "" || len(d.by) == 0 || len(d.exit) == 0 || d.end == nil {
			t.Errorf("%s is not complete", d.name)
		}
	}
}

func TestCgroupLines(t *testing.T) {
	const text = "4:memory:/a/b\n1:cpu,memory2:/no\n0::/c\n"
	if got := ownCgroup(text, false); got != "/a/b" {
		t.Errorf("v1: %q", got)
	}
	if got := ownCgroup(text, true); got != "/c" {
		t.Errorf("v2: %q", got)
	}
	if got := ownCgroup("", true); got != "/" {
		t.Errorf("none: %q", got)
	}
}
