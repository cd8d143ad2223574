package lastly_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
)

// There is one process scope and one Program at a time, so these tests are not parallel.

// silent is where tests send what a Program says of failures that they provoke.
func silent() lastly.Program { return lastly.Program{Stderr: io.Discard} }

type oddSignal struct{}

func (oddSignal) String() string { return "odd" }
func (oddSignal) Signal()        {}

// TestBadPrograms has conformance 71 in it.
func TestBadPrograms(t *testing.T) {
	nop := func(context.Context) error { return nil }
	signals := func(sig ...os.Signal) lastly.Program { return lastly.Program{Signals: sig} }
	for _, c := range []struct {
		name string
		p    lastly.Program
		want string // in the message
	}{
		{"nil run", lastly.Program{}, "run is nil"},
		{"negative Grace", lastly.Program{Grace: -1}, "Grace is negative"},
		{"negative HookTimeout", lastly.Program{HookTimeout: -time.Second}, "HookTimeout is negative"},
		{"policy too large", lastly.Program{OnSignal: lastly.ExitZero + 1}, "is no ExitPolicy"},
		{"policy too small", lastly.Program{OnSignal: -1}, "is no ExitPolicy"},
		{"SIGKILL", signals(syscall.SIGTERM, syscall.SIGKILL), "killed"},
		{"nil signal", signals(os.Interrupt, nil), "nil signal"},
		{"signal 0", signals(syscall.Signal(0)), "unknown signal"},
		{"signal -1", signals(syscall.Signal(-1)), "unknown signal"},
		{"signal 65", signals(syscall.Signal(65)), "unknown signal"},
		{"a signal of another type", signals(oddSignal{}), "unknown signal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := nop
			if c.name == "nil run" {
				run = nil
			}
			checkRefused(t, c.p, run, c.want)
		})
	}
}

// checkRefused runs a Program that makes no sense, and sees that nothing was started.
func checkRefused(t *testing.T, p lastly.Program, run func(context.Context) error, want string) {
	t.Helper()
	started, ran := false, false
	h := lastly.Defer("hook", func() { ran = true })
	defer h.Cancel()
	if run != nil {
		run = func(context.Context) error { started = true; return nil }
	}
	var stderr lockedBuffer
	p.Stderr = &stderr
	if code := p.Run(context.Background(), run); code != 2 {
		t.Errorf("code %d, want 2", code)
	}
	if started || ran {
		t.Errorf("run was started: %v, the hook ran: %v", started, ran)
	}
	if got := lastly.Process().Report().State; got != "open" {
		t.Errorf("the process scope is %s", got)
	}
	text := stderr.String()
	if !strings.HasPrefix(text, "lastly: ") || !strings.Contains(text, want) || strings.Count(text, "\n") != 1 {
		t.Errorf("stderr: %q, want one line with %q", text, want)
	}
}

// TestRunCodes has conformance 26 and 29 in it.
func TestRunCodes(t *testing.T) {
	fails := func(context.Context) error { return errFromRun }
	exits := func(code int) func(context.Context) error {
		return func(context.Context) error { lastly.Exit(code); return nil }
	}
	for _, c := range []struct {
		name string
		run  func(context.Context) error
		hook lastly.Hook
		want int
	}{
		{"nil", nop, lastly.Hook{}, 0},
		{"error", fails, lastly.Hook{}, 1},
		{"ExitError", func(context.Context) error { return &lastly.ExitError{Code: 7} }, lastly.Hook{}, 7},
		{"ExitError 0", func(context.Context) error { return &lastly.ExitError{} }, lastly.Hook{}, 0},
		{"ExitError, joined", func(context.Context) error { return errors.Join(errFromRun, &lastly.ExitError{Code: 7}) }, lastly.Hook{}, 7},
		{"panic", func(context.Context) error { explode(); return nil }, lastly.Hook{}, 2},
		{"panic(nil)", func(context.Context) error { panic(nil) }, lastly.Hook{}, 2}, //nolint:govet // on purpose
		{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }, lastly.Hook{}, 1},
		{"Exit", exits(5), lastly.Hook{}, 5},
		{"Exit 0", exits(0), lastly.Hook{}, 0},
		{"Exit 0, then error", toldBy(0, func(context.Context) error { return errFromRun }), lastly.Hook{}, 1},
		{"Exit 0, then its context's error", toldBy(0, context.Context.Err), lastly.Hook{}, 0},
		{"Exit 5, then ExitError", toldBy(5, func(context.Context) error { return &lastly.ExitError{Code: 7} }), lastly.Hook{}, 5},

		{"nil, hook fails", nop, lastly.Hook{Run: fails}, 1},
		{"nil, best effort fails", nop, lastly.Hook{Run: fails, BestEffort: true}, 0},
		{"Exit 0, hook fails", exits(0), lastly.Hook{Run: fails}, 1},
		{"Exit 5, hook fails", exits(5), lastly.Hook{Run: fails}, 5},
		{"panic, hook fails", func(context.Context) error { explode(); return nil }, lastly.Hook{Run: fails}, 2},
		{"ExitError, hook fails", func(context.Context) error { return &lastly.ExitError{Code: 7} }, lastly.Hook{Run: fails}, 7},

		{"nil, hook exits", nop, lastly.Hook{Run: exits(4)}, 4},
		{"error, hook exits", fails, lastly.Hook{Run: exits(4)}, 1},
		{"Exit 0, hook exits", exits(0), lastly.Hook{Run: exits(4)}, 4},
		{"Exit 5, hook exits", exits(5), lastly.Hook{Run: exits(4)}, 5},
		{"Exit 5, hook exits 0", exits(5), lastly.Hook{Run: exits(0)}, 5},
		{"panic, hook exits", func(context.Context) error { explode(); return nil }, lastly.Hook{Run: exits(4)}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ran := false
			p := silent()
			p.OnExit = func(r lastly.Report) {
				if *r.ExitCode != c.want {
					t.Errorf("the report says code %d, want %d", *r.ExitCode, c.want)
				}
			}
			code := p.Run(context.Background(), func(ctx context.Context) error {
				lastly.Defer("first", func() { ran = true })
				if c.hook.Run != nil {
					lastly.Register(c.hook)
				}
				return c.run(ctx)
			})
			if code != c.want || !ran {
				t.Errorf("code %d, want %d; the first hook ran: %v", code, c.want, ran)
			}
		})
	}
}

// toldBy is a run that somebody else ends with Exit.
func toldBy(code int, end func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		go lastly.Exit(code)
		<-ctx.Done()
		return end(ctx)
	}
}

func TestRunAgainAndAgain(t *testing.T) {
	before := lastly.Process()
	for i := range 5 {
		var s *lastly.Scope
		ran := 0
		code := silent().Run(context.Background(), func(context.Context) error {
			s = lastly.Process()
			lastly.Defer("hook", func() { ran++ })
			return &lastly.ExitError{Code: i}
		})
		if code != i || ran != 1 {
			t.Fatalf("%d: code %d, the hook ran %d times", i, code, ran)
		}
		if i == 0 && s != before {
			t.Error("hooks that were registered before Run belong to another scope")
		}
		if s == lastly.Process() || lastly.Process().Report().State != "open" {
			t.Fatalf("%d: the process scope is not fresh", i)
		}
		select {
		case <-s.Closed():
		default:
			t.Fatalf("%d: Run returned before its scope was closed", i)
		}
	}
}

// TestRunLeaksNothing looks for goroutines that outlive Run.
func TestRunLeaksNothing(t *testing.T) {
	runs := map[string]func(context.Context) error{
		"nil":   nop,
		"panic": func(context.Context) error { explode(); return nil },
		"exit":  func(context.Context) error { lastly.Exit(1); return nil },
	}
	_ = silent().Run(context.Background(), nop) // package signal starts its own, once
	for name, run := range runs {
		before := runtime.NumGoroutine()
		for range 20 {
			_ = silent().Run(context.Background(), run)
		}
		poll(t, name+" has left no goroutines", func() bool { return runtime.NumGoroutine() < before+10 })
	}
}

func TestRunPanic(t *testing.T) {
	var stderr lockedBuffer
	var report lastly.Report
	p := lastly.Program{Stderr: &stderr, OnExit: func(r lastly.Report) { report = r }}
	if code := p.Run(context.Background(), func(context.Context) error { explode(); return nil }); code != 2 {
		t.Errorf("code %d, want 2", code)
	}
	for _, want := range []string{"panic: boom", "lastly_test.explode("} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr lacks %q:\n%s", want, &stderr)
		}
	}
	pe, ok := errors.AsType[*lastly.PanicError](report.Cause)
	if !ok || pe.Value != "boom" || !bytes.Contains(pe.Stack, []byte("explode")) {
		t.Errorf("cause: %v", report.Cause)
	}
	if report.ExitCode == nil || *report.ExitCode != 2 {
		t.Errorf("the report's code: %v, want 2", report.ExitCode)
	}
}

func TestRunContextEnds(t *testing.T) {
	why := errors.New("why")
	for _, c := range []struct {
		name string
		run  func(context.Context) error
		want int
	}{
		{"returns nil", func(ctx context.Context) error { <-ctx.Done(); return nil }, 0},
		{"returns its error", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 1},
		{"does not return", func(context.Context) error { forever(); return nil }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
			var value any
			var cause error
			p := silent()
			p.HookTimeout = 50 * time.Millisecond
			code := p.Run(ctx, func(ctx context.Context) error {
				value = ctx.Value(key{})
				lastly.Defer("hook", func() { cause = context.Cause(lastly.Process().Context()) })
				cancel(why)
				return c.run(ctx)
			})
			if code != c.want || value != "value" || !errors.Is(cause, why) {
				t.Errorf("code %d, want %d; value %v, cause %v", code, c.want, value, cause)
			}
		})
	}
}

// TestRunDeadline: a run that returns because its time is over has not failed.
func TestRunDeadline(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	var log lockedBuffer
	p := lastly.Program{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	code := p.Run(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if code != 1 || strings.Contains(log.String(), "run failed") {
		t.Errorf("code %d, want 1; the log:\n%s", code, log.String())
	}
}

type key struct{}

// TestExitInfo is conformance 24 and 25: hooks learn why they run.
func TestExitInfo(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(context.Context) error
		want string
	}{
		{"return", nop, lastly.ErrClosing.Error()},
		{"error", func(context.Context) error { return errFromRun }, "run returned: own error"},
		{"Exit", func(context.Context) error { lastly.Exit(32); return nil }, "lastly: Exit(32) was called at "},
	} {
		var cause, ofScope error
		code := silent().Run(context.Background(), func(ctx context.Context) error {
			lastly.Defer("hook", func() {
				cause = lastly.Process().Report().Cause
				ofScope = context.Cause(lastly.Process().Context())
			})
			return c.run(ctx)
		})
		if cause == nil || !strings.HasPrefix(cause.Error(), c.want) || !errors.Is(ofScope, cause) {
			t.Errorf("%s: the report's cause is %v, the context's %v, want %q", c.name, cause, ofScope, c.want)
		}
		if e, ok := errors.AsType[*lastly.ExitError](cause); c.name == "Exit" && (!ok || e.Code != code || !strings.Contains(e.Site, "program_test.go:")) {
			t.Errorf("Exit: cause %+v, code %d", e, code)
		}
	}
}
