package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/e2e/internal/turns"
	"github.com/lastly-go/lastly/internal/journal"
)

// tiny is as little as gives a figure.
var tiny = sizes{tries: 1, batch: 20, syncs: 5, deaths: 1, files: 20, churn: 20}

// TestEverything measures everything once, and wants figures that can be, and nothing left behind.
func TestEverything(t *testing.T) {
	dir := t.TempDir()
	l, err := newLab(t.Context(), dir, tiny)
	if err != nil {
		t.Fatal(err)
	}
	lines, done, err := l.lines()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if line.work == "" || line.unit == "" || line.most < 0 {
			t.Errorf("incomplete: %+v", line)
		}
		figure, err := line.figure(t.Context(), 0)
		if err != nil {
			t.Errorf("%s: %v", line.work, err)
		} else if figure <= 0 || figure > 1e6 {
			t.Errorf("%s: %v %s, which can't be", line.work, figure, line.unit)
		}
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	l.close()
	checkNothingLeft(t, dir)
}

// checkNothingLeft wants no file in the folder, and no process that was told of one.
func checkNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	var left []string
	err := poll(t.Context(), "the processes", func() bool {
		left = nil
		lists, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, list := range lists {
			if text, _ := os.ReadFile(list); strings.Contains(string(text), dir) {
				left = append(left, strings.ReplaceAll(string(text), "\x00", " "))
			}
		}
		return len(left) == 0
	})
	if err != nil {
		t.Errorf("%v: %q", err, left)
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	missed, err := report(t.Context(), &out, io.Discard, options{rounds: 2, dir: dir, only: "private memory"}, tiny)
	if err != nil || missed != 0 {
		t.Errorf("%d missed, %v, want none", missed, err)
	}
	for _, want := range []string{"| the guard's private memory while it waits | 4 MB |", "| yes |", "Medians of 2 rounds"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if _, err := report(t.Context(), io.Discard, io.Discard, options{rounds: 1, dir: dir, only: "no such line"}, tiny); err == nil {
		t.Error("no error when nothing is measured")
	}
	checkNothingLeft(t, dir)
}

// TestSlots wants the records to take as many slots as the tables say.
func TestSlots(t *testing.T) {
	l := &lab{dir: t.TempDir(), sizes: tiny}
	for want, r := range map[int]*journal.Record{1: small(), 2: ordinary()} {
		w, err := l.writer(false)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		if _, err := w.journal.Append(r); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(w.journal.Path())
		if err != nil {
			t.Fatal(err)
		}
		const header = 4096
		if got := (len(strings.TrimRight(string(text[header:]), "\x00")) + journal.SlotSize - 1) / journal.SlotSize; got != want {
			t.Errorf("takes %d slots, want %d", got, want)
		}
	}
}

func TestSharingAppendsEverything(t *testing.T) {
	l := &lab{dir: t.TempDir(), sizes: tiny}
	w, err := l.writer(true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	before, _ := w.journal.Append(small())
	if took, err := w.sharing(21, 8)(); err != nil || took <= 0 {
		t.Errorf("took %v, %v", took, err)
	}
	after := small()
	if _, err := w.journal.Append(after); err != nil || after.ID != 23 {
		t.Errorf("the next record is %d, %v, want 23", after.ID, err)
	}
	if err := w.journal.Strike(before); err != nil {
		t.Error(err)
	}
	if live := w.journal.Live(); live != 1 {
		t.Errorf("%d records are left, want 1", live)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-nonsense"}, {"argument"}} {
		if code := command(args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
}

func TestParse(t *testing.T) {
	if got, err := parse("1.5 2\n"); err != nil || len(got) != 2 || turns.Median(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := parse("nothing"); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
