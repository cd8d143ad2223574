package lastly_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

// The tests of what ends a process need processes that end: TestMain turns the test binary into one of the victims, which
// the files beside this one define.
func TestMain(m *testing.M) { os.Exit(testproc.Main(m, victims...)) }

var victims []testproc.Victims

// addVictims is called by `var _ =`, so that a file of one system needs no counterpart on the others.
func addVictims(v testproc.Victims) bool {
	victims = append(victims, v)
	return true
}

// say tells the test something, as a line on stdout.
func say(format string, args ...any) { testproc.Say(format, args...) }

// hook registers a cleanup on the process scope that says so when it runs.
func hook(name string) {
	lastly.Defer(name, func() { say("hook %s", name) })
}

// underMain is a victim with two hooks that calls Main.
func underMain(run func(context.Context) error) func([]string) {
	return func([]string) {
		hook("one")
		hook("two")
		lastly.Main(run)
	}
}

// untilAsked says that the victim is ready, and waits until it is asked to end.
func untilAsked(ctx context.Context) error {
	say("ready")
	<-ctx.Done()
	return nil
}

// forever waits for what never comes, in a way that the runtime does not take for a deadlock.
func forever() { testproc.Linger(testproc.Limit * 2) }

// explode is looked for in stacks.
//
//go:noinline
func explode() { panic("boom") }

var errFromRun = errors.New("own error")
