//go:build unix

package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"signal":             signalled,
	"signal-any":         signalledBy,
	"signal-cause":       signalCause,
	"key-press":          keyPress,
	"hangs":              hangs,
	"exit-then-signal":   exitThenSignal,
	"signal-then-exit":   signalThenExit,
	"signal-late":        signalLate,
	"swallow":            swallow,
	"after-run":          afterRun,
	"blocked-failures":   blockedFailures,
	"blocked-logger":     blockedLogger,
	"blocked-everything": blockedEverything,
	"broken-pipe":        brokenPipe,
})

// parseSignals reads a list such as "1,2"; "" is none.
func parseSignals(list string) []os.Signal {
	signals := []os.Signal{}
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' }) {
		var n int
		_, _ = fmt.Sscan(word, &n)
		signals = append(signals, syscall.Signal(n))
	}
	return signals
}

// signalled is a program with a policy, whose run ends in some way.
func signalled(args []string) {
	var policy lastly.ExitPolicy
	_, _ = fmt.Sscan(args[0], &policy)
	hook("one")
	if args[1] == "hook fails" {
		lastly.Defer("fails", func() error { return errFromRun })
	}
	p := lastly.Program{OnSignal: policy, HookTimeout: 500 * time.Millisecond}
	p.Main(func(ctx context.Context) error {
		_ = untilAsked(ctx)
		switch args[1] {
		case "its context's error":
			return ctx.Err()
		case "wrapped":
			return fmt.Errorf("stopped: %w", errors.Join(ctx.Err()))
		case "the cause":
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		case "refused by the scope":
			return fmt.Errorf("waiting for a lock: %w", lastly.ErrClosing)
		case "own error":
			return errFromRun
		case "exit error":
			return &lastly.ExitError{Code: 5}
		case "nothing":
			forever()
		case "by Exit":
			lastly.Exit(5)
		case "by Exit 0":
			lastly.Exit(0)
		case "panics":
			explode()
		}
		return nil
	})
}

// signalledBy waits for a signal of its own list.
func signalledBy(args []string) {
	hook("one")
	p := lastly.Program{Signals: parseSignals(args[0])}
	p.Main(func(ctx context.Context) error {
		if len(args) > 1 {
			go func() { _ = syscall.Kill(os.Getpid(), parseSignals(args[0])[0].(syscall.Signal)) }()
		}
		_ = untilAsked(ctx)
		return ctx.Err()
	})
}

// signalCause tells what run, the scope and the report say of the signal.
func signalCause([]string) {
	lastly.Defer("hook", func() {
		say("report: %v", asSignal(lastly.Process().Report().Cause))
		say("scope: %v", asSignal(context.Cause(lastly.Process().Context())))
	})
	lastly.Program{OnExit: func(r lastly.Report) {
		say("at exit: %v, code %d", asSignal(r.Cause), *r.ExitCode)
	}}.Main(func(ctx context.Context) error {
		_ = untilAsked(ctx)
		say("run: %v", asSignal(context.Cause(ctx)))
		return ctx.Err()
	})
}

func asSignal(err error) os.Signal {
	e, ok := errors.AsType[*lastly.SignalError](err)
	if !ok {
		return nil
	}
	return e.Signal
}

// keyPress sends itself the same signal twice, as one key press can.
func keyPress([]string) {
	own := make(chan os.Signal, 8) // sees what Main sees
	signal.Notify(own, syscall.SIGINT)
	again := make(chan struct{})
	lastly.Defer("hook", func() { <-again; say("hook") })
	lastly.Main(func(ctx context.Context) error {
		began := time.Now()
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
		<-ctx.Done()
		<-own
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
		<-own
		if time.Since(began) > 50*time.Millisecond {
			say("too slow to tell")
		}
		testproc.Linger(30 * time.Millisecond)
		close(again)
		return nil
	})
}

// hangs has a hook that never returns, or two of them in Program.Run.
func hangs(args []string) {
	lastly.Defer("hook", func() { say("hook hangs"); forever() })
	if len(args) > 0 { // a child scope, whose close is awaited
		lastly.Process().Child(lastly.Hook{}).Defer("of child", func(context.Context) error { say("hook hangs"); forever(); return nil })
	}
	if len(args) > 0 {
		_ = lastly.Program{}.Run(context.Background(), untilAsked)
	}
	lastly.Main(untilAsked)
}

// exitThenSignal calls Exit, and then sends a signal: Exit was first.
func exitThenSignal([]string) {
	lastly.Main(func(ctx context.Context) error {
		defer func() { _ = syscall.Kill(os.Getpid(), syscall.SIGINT) }()
		lastly.Exit(3)
		return nil
	})
}

// signalThenExit calls Exit when a signal has come.
func signalThenExit([]string) {
	lastly.Main(func(ctx context.Context) error {
		_ = untilAsked(ctx)
		lastly.Exit(3)
		return nil
	})
}

// signalLate waits for a signal in a hook, when the flow has begun already.
func signalLate(args []string) {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM)
	hook("one")
	lastly.Defer("waits", func() {
		say("ready")
		<-got
		testproc.Linger(20 * time.Millisecond)
	})
	lastly.Main(func(context.Context) error {
		if args[0] == "error" {
			return errFromRun
		}
		if args[0] == "exit" {
			lastly.Exit(3)
		}
		return nil
	})
}

// swallow handles SIGTERM by itself, and ends after the third.
func swallow(args []string) {
	own := make(chan os.Signal, 8)
	signal.Notify(own, syscall.SIGTERM)
	hook("one")
	run := func(context.Context) error {
		for i := range 3 {
			say("ready %d", i)
			<-own
		}
		return nil
	}
	if args[0] == "under Main" {
		lastly.Program{Signals: []os.Signal{}}.Main(run)
	}
	_ = run(context.Background())
}

// afterRun waits for signals when Program.Run has returned.
func afterRun([]string) {
	p := lastly.Program{Signals: []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1}}
	for range 3 {
		code := p.Run(context.Background(), func(ctx context.Context) error {
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
			<-ctx.Done()
			return ctx.Err()
		})
		say("code %d", code)
	}
	say("ready")
	forever()
}

// manyFailures is so many that a process which waits 100 ms for each is killed by the test that waits for it.
const manyFailures = 1000

// blockedFailures has many failing hooks, and somebody else made its stderr a pipe that nobody reads.
func blockedFailures(args []string) {
	for range manyFailures {
		lastly.Register(lastly.Hook{Uses: lastly.Nothing, Run: func(context.Context) error { return errFromRun }})
	}
	hook("one")
	if args[0] == "alone" {
		lastly.Exit(3)
	}
	lastly.Main(func(context.Context) error { return nil })
}

// blockedLogger has a Logger and a Stderr that never return.
func blockedLogger(args []string) {
	for range manyFailures {
		lastly.Register(lastly.Hook{Uses: lastly.Nothing, Run: func(context.Context) error { return errFromRun }})
	}
	hook("one")
	p := lastly.Program{Stderr: blocked{panics: args[0] == "panics"}}
	p.Logger = slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.OnExit = func(lastly.Report) {
		say("at exit")
		if args[0] == "panics" {
			explode()
		}
		forever()
	}
	p.Main(func(context.Context) error { return &lastly.ExitError{Code: 3} })
}

// blockedEverything panics, hangs or is told twice while nobody reads its stderr.
func blockedEverything(args []string) {
	lastly.Defer("hook", func() {
		say("hook")
		if args[0] == "second" {
			forever()
		}
	})
	lastly.Main(func(ctx context.Context) error {
		if args[0] == "panic" {
			explode()
		}
		return untilAsked(ctx)
	})
}

// brokenPipe writes to stdout in a hook, after the code was decided.
func brokenPipe(args []string) {
	lastly.Defer("hook", func() error {
		fmt.Fprintln(os.Stderr, "hook")
		_, err := fmt.Fprintln(os.Stdout, "nobody reads this")
		for range 5 { // each raises SIGPIPE again
			_, _ = fmt.Fprintln(os.Stdout, "nor this")
		}
		if !errors.Is(err, syscall.EPIPE) {
			return fmt.Errorf("the write did not fail: %v", err)
		}
		testproc.Linger(20 * time.Millisecond)
		if args[0] == "asked" {
			testproc.Linger(130 * time.Millisecond)
			say("this is no second signal")
			testproc.Linger(20 * time.Millisecond)
			fmt.Fprintln(os.Stderr, "hook done")
		}
		if args[0] == "hang" {
			fmt.Fprintln(os.Stderr, "hangs")
			forever()
		}
		return nil
	})
	var p lastly.Program
	if args[0] == "asked" {
		p.Signals = []os.Signal{syscall.SIGTERM, syscall.SIGPIPE}
	}
	p.Main(func(ctx context.Context) error {
		switch args[0] {
		case "asked":
			breakSocket() // begins nothing
			if ctx.Err() != nil {
				return fmt.Errorf("a socket began the flow: %w", context.Cause(ctx))
			}
			say("begins the flow")
		case "return":
			return nil
		case "error":
			return &lastly.ExitError{Code: 3}
		case "exit":
			lastly.Exit(3)
		case "go":
			lastly.Go("fails", func(context.Context) error { return errFromRun })
			<-ctx.Done()
			say("nobody may read this")
			testproc.Linger(20 * time.Millisecond) // so that the signal is heard before run returns
		case "hang":
			say("begins the flow")
		case "stderr":
			_, err := fmt.Fprintln(os.Stderr, "nobody reads this")
			say("%v", errors.Is(err, syscall.EPIPE))
		case "signal":
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}
		<-ctx.Done()
		say("nobody may read this")
		return nil
	})
}
