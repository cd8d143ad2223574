package cli

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

// A check is one thing that one may expect of a tool.
type check struct {
	name  string // its row in docs/run.md
	fails string // tools that do otherwise, space for nothing: ", " between them
	hangs string // those of them for which the case would wait for ever, now and then at least: it isn't tried
	run   func(r *rig)
}

// checks are all cases, by the files they are in.
func checks() (all []check) {
	for _, some := range [][]check{statusChecks, startChecks, signalChecks, stopChecks, inheritChecks, treeChecks, terminalChecks, jobChecks, firstChecks} {
		all = append(all, some...)
	}
	return all
}

func has(list, name string) bool {
	for one := range strings.SplitSeq(list, ", ") {
		if one == name {
			return true
		}
	}
	return false
}

// peers is a flag because what others do needs no look at every change, and costs a minute.
var peers = flag.Bool("peers", false, "run the cases for tini, dumb-init, catatonit and timeout, too, and compare with the table")

// needPrograms are those that the cases and scripts are written in.
func needPrograms(t *testing.T) {
	t.Helper()
	for program, debian := range map[string]string{"perl": "perl", "bash": "bash", "setsid": "util-linux", "unshare": "util-linux"} {
		real.Need(t, program, debian)
	}
}

// TestCases runs every case for lastly; with -peers, for every tool: those that do otherwise must be as the table says.
// A case that asks for what is usual nowhere, or that nobody can fail, would go unnoticed else.
func TestCases(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	for _, c := range checks() {
		for i, tool := range append(tools[:len(tools):len(tools)], bare) {
			if i > 0 && !*peers {
				break
			}
			if tool.name == bare.name && !strings.HasPrefix(c.name, "terminal") {
				continue // most others are about what it does that there is one
			}
			t.Run(c.name+"/"+tool.name, func(t *testing.T) {
				t.Parallel()
				if has(c.hangs, tool.name) {
					t.Skip("it would wait for ever, or now and then")
				}
				rec := &recorder{TB: t}
				rec.judge(func() { c.run(newRig(rec, tool.argv(rec))) })
				switch known := has(c.fails, tool.name); {
				case known && len(rec.failures) == 0:
					t.Errorf("%s is known to fail here, and does not: correct the table", tool.name)
				case !known && len(rec.failures) > 0:
					t.Error(strings.Join(rec.failures, "\n"))
				}
			})
		}
	}
}

// A recorder takes a test's failures, so that somebody else can judge them.
type recorder struct {
	testing.TB

	mu sync.Mutex
	// mu guards failures.
	failures []string
}

// judge calls f in a goroutine of its own, which a fatal failure ends. It returns when that has ended.
func (r *recorder) judge(f func()) {
	done := make(chan struct{})
	skipped := true
	go func() {
		defer close(done)
		f()
		skipped = false
	}()
	<-done
	if skipped && len(r.failures) == 0 {
		r.TB.SkipNow()
	}
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, text)
}

func (r *recorder) Error(args ...any)            { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.note(fmt.Sprintf(f, args...)) }
func (r *recorder) Fatal(args ...any)            { r.note(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(f string, args ...any) { r.note(fmt.Sprintf(f, args...)); runtime.Goexit() }
func (r *recorder) Failed() bool                 { return len(r.failures) > 0 }

// TestPage wants docs/run.md to have the table of cases.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/run.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := table(); !strings.Contains(string(page), want) {
		t.Errorf("docs/run.md does not have this table:\n%s", want)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| |")
	for _, tool := range tools {
		b.WriteString(" " + tool.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(tools)) + "\n")
	for _, c := range checks() {
		b.WriteString("| " + c.name + " |")
		for _, tool := range tools {
			if has(c.fails, tool.name) || has(c.hangs, tool.name) {
				b.WriteString(" no |")
			} else {
				b.WriteString(" yes |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
