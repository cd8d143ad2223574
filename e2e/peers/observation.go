package main

import (
	"os"
	"strings"
	"syscall"
	"time"
)

// An observation is what was seen of one child.
type observation struct {
	events []event
	stderr string
	status string // the exit status, as the os package words it
	code   int    // -1: ended by a signal
	signal os.Signal
	killed bool // by the runner, at the limit
	took   time.Duration
}

// An event is one line of the child.
type event struct{ what, which string }

func parseEvents(output string) []event {
	var events []event
	for line := range strings.Lines(output) {
		what, which, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if ok {
			events = append(events, event{what, which})
		}
	}
	return events
}

// names returns which ones it happened to, in that order.
func (o observation) names(what string) []string {
	var names []string
	for _, e := range o.events {
		if e.what == what {
			names = append(names, e.which)
		}
	}
	return names
}

func (o observation) index(what, which string) int {
	for i, e := range o.events {
		if e == (event{what, which}) {
			return i
		}
	}
	return -1
}

func (o observation) saw(what, which string) bool { return o.index(what, which) >= 0 }

func (o observation) absent() bool { return o.saw("absent", "-") }

// crashed reports whether the runtime ended the process, which it does with
// exit code 2 and the goroutines' stacks.
func (o observation) crashed() bool {
	return o.code == 2 && strings.Contains(o.stderr, "goroutine ")
}

// failed reports whether the library let the program know that something went
// wrong: by an error, or by the exit code.
func (o observation) failed() bool { return o.code != 0 && !o.crashed() && !o.killed }

// stuckInCall reports whether a hook called the library, and the call never
// returned.
func (o observation) stuckInCall() bool {
	return len(o.names("calling")) > len(o.names("called"))
}

// damage says what went wrong with a shutdown that should have run each of the
// hooks once and ended; empty if nothing.
func (o observation) damage(hooks ...string) string {
	ran := map[string]int{}
	for _, name := range o.names("ran") {
		ran[name]++
	}
	twice, skipped := false, false
	for _, name := range hooks {
		twice = twice || ran[name] > 1
		skipped = skipped || ran[name] == 0
	}
	switch {
	case o.killed && o.stuckInCall():
		return "deadlocks"
	case o.killed:
		return "hangs"
	case o.crashed() && strings.Contains(o.stderr, "stack overflow"):
		return "recurses until it crashes"
	case o.crashed():
		return "crashes"
	case twice:
		return "runs hooks twice"
	case skipped && !o.failed():
		return "rest skipped, exit 0"
	case skipped:
		return "rest skipped"
	}
	return ""
}

// statusOf fills in how a child ended.
func (o *observation) statusOf(state *os.ProcessState) {
	o.status = state.String()
	o.code = state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		o.signal = ws.Signal()
	}
}
