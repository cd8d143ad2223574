package durable_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"reaps-all":     reapsAllVictim,
	"allowed-later": allowedLaterVictim,
	"never-allowed": neverAllowedVictim,
	"inner":         innerVictim,
	"until-leaving": untilLeavingVictim,
})

// reapsAllVictim waits for every child that there is, as the PID 1 of a container does.
func reapsAllVictim(args []string) {
	go func() {
		for {
			if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil {
				testproc.Linger(tick)
			}
		}
	}()
	registerAll(args[0], []string{"one"})
	say("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	lastly.Exit(0)
}

// TestGuardReapedByOthers: somebody else in the process takes the guard's exit status away.
func TestGuardReapedByOthers(t *testing.T) {
	t.Parallel()
	s := newState(t)
	r, w, err := os.Pipe()
	fatal(t, err)
	defer r.Close()
	spec := s.spec("reaps-all", s.log)
	spec.Stdin = r
	p := spec.Start(t)
	p.WaitLine("ready")
	first := s.guard(p.Pid())
	fatal(t, syscall.Kill(first.pid, syscall.SIGKILL))
	testproc.Poll(t, "another guard", func() bool { g := s.guards(); return len(g) == 1 && g[0].pid != first.pid && g[0].waits() })
	fatal(t, w.Close())
	p.Wait().Check(t, "exit 0")
	s.waitEmpty()
	s.checkLog("one")
}

// allowedLaterVictim can start no guard at first.
func allowedLaterVictim(args []string) {
	must(syscall.Setuid(65534))
	allowNoProcess()
	registerAll(args[0], []string{"one"})
	say("at first: %s", lastly.Process().Report().Hooks[0].Note)
	must(syscall.Setrlimit(rlimitProcesses, &syscall.Rlimit{Cur: 1000, Max: 1000}))
	say("ready")
	forever()
}

// TestGuardThatStartsLater: one that can't start for a moment is tried again.
func TestGuardThatStartsLater(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "allowed-later")
	s := newState(t)
	s.public(65534)
	p := s.start("allowed-later", s.log)
	p.WaitLine("ready")
	if !strings.Contains(p.Output(), "at first: no guard (") {
		t.Error(p.Output())
	}
	s.guard(p.Pid())
	killed(t, p)
	s.waitEmpty()
	s.checkLog("one")
}

// neverAllowedVictim waits until its guard is given up.
func neverAllowedVictim([]string) {
	lastly.Process().Logger = slog.New(slog.NewTextHandler(os.Stdout, nil))
	must(syscall.Setuid(65534))
	allowNoProcess()
	r := mustNote(lastly.Process(), note{}, lastly.Hook{Run: nothing})
	for !strings.Contains(r.Note(), "given up after 8 in a row") {
		testproc.Linger(tick)
	}
	say("given up")
	lastly.Exit(0)
}

// TestGuardIsGivenUp: there is an end of starting guards, and it is told once, at the first.
func TestGuardIsGivenUp(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "never-allowed")
	s := newState(t)
	s.public(65534)
	r := s.start("never-allowed").Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "given up")
	if strings.Count(r.Out, "level=WARN") != 1 {
		t.Error(r.Out)
	}
}

// innerVictim kills itself in the middle of its exit flow.
func innerVictim(args []string) {
	s := lastly.Process()
	mustNote(s, note{Log: args[0], Line: "outer"}, lastly.Hook{})
	child := s.Child(lastly.Hook{Name: "child"})
	mustNote(child, note{Log: args[0], Line: "in the child"}, lastly.Hook{})
	mustNote(child, note{Log: args[0], Line: "killed"}, lastly.Hook{Run: func(context.Context) error {
		must(kill(os.Getpid()))
		forever()
		return nil
	}})
	mustNote(child, note{Log: args[0], Line: "done"}, lastly.Hook{})
	_ = s.Close()
}

// TestKilledInItsExitFlow: what ran is not repeated, what was at it and what had no turn is settled, in order.
func TestKilledInItsExitFlow(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.start("inner", s.log).Wait().Check(t, "signal killed")
	s.waitEmpty()
	s.checkLog("done", "killed", "in the child", "outer")
	if r := s.oneReport(); len(r.Journals[0].Records) != 3 {
		t.Errorf("%+v", r)
	}
}

// untilLeavingKind is at it until its guard was asked to leave.
var untilLeavingKind = durable.Define("until leaving", func(_ context.Context, n note) error {
	appendLine(n.Log, n.Line)
	for !durable.Leaving() {
		testproc.Linger(tick)
	}
	appendLine(n.Log, n.Line+" ended")
	return nil
})

func untilLeavingVictim(args []string) {
	registerAll(args[0], []string{"rest"})
	_, err := untilLeavingKind.Register(lastly.Process(), note{Log: args[0], Line: "first"}, lastly.Hook{Name: "first"})
	must(err)
	say("ready")
	forever()
}

// TestGuardIsAskedToLeave: on SIGTERM it finishes what it is at, and leaves the rest.
func TestGuardIsAskedToLeave(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("until-leaving", s.log)
	p.WaitLine("ready")
	g := s.guard(p.Pid())
	killed(t, p)
	s.waitLog("first")
	testproc.Poll(t, "the end of the guard", func() bool { // it is deaf until the goroutine that listens has had its turn
		_ = syscall.Kill(g.pid, syscall.SIGTERM)
		return len(s.guards()) == 0
	})
	s.checkLog("first", "first ended")
	left := s.content(s.journals()[0])
	if len(left) != 1 || left[0].Name != "rest" || left[0].Attempts != 0 {
		t.Errorf("left is %+v", left)
	}
	s.recover(durable.Options{Wait: testproc.Limit}) // the last of the guard's threads may still be about to end
	s.checkLog("first", "first ended", "rest")
	s.waitEmpty()
}
