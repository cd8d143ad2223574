package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/examples/matrix"
)

func TestTable(t *testing.T) {
	res := results{
		Rows: []row{
			{title: "SIGTERM", Clean: true, Requests: 340, InFlight: 11, Rows: 340, Exit: "0", WantExit: "0", MS: 23, Watchers: 6, Told: 6, Ready503: true},
			{title: "SIGINT", Requests: 9, Lost: 1, Rows: 8, RowsLost: 2, Exit: "0", WantExit: "SIGINT", Note: "why"},
			{title: "SIGKILL", Clean: true, Lost: 1, Watchers: 6, Exit: "SIGKILL", outright: true, ByNature: []string{"log cut off"}},
		},
		Contrast: []row{{title: "SIGTERM", Left: []string{"child process", "log cut off"}, Exit: "SIGTERM"}},
		Matrix: &matrix.Result{Rows: []matrix.Row{{
			Title: "SIGKILL", Clean: true, Exit: "signal killed", MS: 12, Cells: []matrix.Cell{{Resource: "file", Clean: true, By: matrix.ByGuard}},
		}}, Cells: 1, Clean: 1},
	}
	const want = `
Wired with lastly: 2 of 3 deaths clean

DEATH       CLEAN  REQUESTS  IN FLIGHT  LOST  TOLD   503   ROWS  MISSING  EXIT           MS  LEFT BEHIND
SIGTERM     yes    340       11         0     6/6    yes   340   0        0              23  -
SIGINT [1]  NO     9         0          1     0/0    no    8     2        0, not SIGINT  0   -
SIGKILL     yes    0         0          (1)   (0/6)  (no)  0     0        SIGKILL        0   - (log cut off)
[1] why

For contrast, the same service wired with plain defers: 0 of 1 deaths clean

DEATH    CLEAN  REQUESTS  IN FLIGHT  LOST  TOLD  503  ROWS  MISSING  EXIT     MS  LEFT BEHIND
SIGTERM  NO     0         0          0     0/0   no   0     0        SIGTERM  0   child process, log cut off

What outlives a process, registered as durable: who released it after each death

DEATH    CLEAN  EXIT           MS  FILE
SIGKILL  yes    signal killed  12  guard

1 deaths, 1 cells: 1 clean, 0 not clean; in 0s
`
	var got strings.Builder
	if err := res.writeTable(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestTableFails(t *testing.T) {
	full := errors.New("disk full")
	if err := (results{Rows: []row{{}}}).writeTable(brokenWriter{full}); !errors.Is(err, full) {
		t.Errorf("writeTable: %v, want %v", err, full)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestProgressWithoutTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := newProgress(f, 2)
	p.begin("one")
	p.watch(func() tally { return tally{} })()
	p.end(true)
	p.begin("two")
	p.end(false)
	want := "[ 1/2] one                                clean\n[ 2/2] two                                not clean\n"
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	var out strings.Builder
	p := &progress{w: &out, live: true, total: 1}
	p.begin("one")
	shown := make(chan struct{})
	var once bool
	stop := p.watch(func() tally {
		if !once {
			once = true
			close(shown)
		}
		return tally{accepted: 7, inFlight: 2}
	})
	<-shown
	stop()
	p.end(true)
	for _, want := range []string{clearLine + "[ 1/1] one", "7 requests, 2 in flight, 0 lost", "clean\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, out.String())
		}
	}
	if strings.Contains(out.String(), green) {
		t.Errorf("colour without being asked for: %q", out.String())
	}
}
