package lastly_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
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
	var stderr bytes.Buffer
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
			code := silent().Run(context.Background(), func(ctx context.Context) error {
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
		if !endsIn(func() bool { return runtime.NumGoroutine() < before+10 }) {
			t.Errorf("%s: %d goroutines before 20 runs, %d after", name, before, runtime.NumGoroutine())
		}
	}
}

// endsIn polls for a while that is short enough to wait for in vain.
func endsIn(ok func() bool) bool {
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); testproc.Linger(5 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

func TestRunPanic(t *testing.T) {
	var stderr bytes.Buffer
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

type key struct{}

func TestRunDoesNotReturn(t *testing.T) {
	var log lockedBuffer
	var report lastly.Report
	free := make(chan struct{})
	defer close(free)
	var heldBefore bool
	p := lastly.Program{
		HookTimeout: 50 * time.Millisecond,
		Logger:      slog.New(slog.NewTextHandler(&log, nil)),
		OnExit:      func(r lastly.Report) { report = r },
	}
	var asked time.Time
	var waited time.Duration
	code := p.Run(context.Background(), func(context.Context) error {
		lastly.Defer("hook", func() {
			heldBefore = strings.Contains(log.String(), "waiting for run to return")
			waited = time.Since(asked)
		})
		asked = time.Now()
		go lastly.Exit(0)
		stuckIn(free)
		return nil
	})
	if code != 1 {
		t.Errorf("code %d, want 1: a run that did not return is no success", code)
	}
	if !heldBefore || waited < 50*time.Millisecond {
		t.Errorf("a log line said that run is awaited: %v; it was for %v\n%s", heldBefore, waited, log.String())
	}
	run := inReport(t, report, "run")
	if run.Kind != "run" || run.Outcome != lastly.OutcomeAbandoned || !strings.Contains(run.Stack, "lastly_test.stuckIn(") {
		t.Errorf("the report on run: %+v", run)
	}
	if hook := inReport(t, report, "hook"); hook.Outcome != lastly.OutcomeOK || hook.Start < run.Duration {
		t.Errorf("the report on the hook: %+v", hook)
	}
}

//go:noinline
func stuckIn(free chan struct{}) { <-free }

func TestNoWaitingLine(t *testing.T) {
	for range 50 {
		var log lockedBuffer
		p := lastly.Program{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		_ = p.Run(context.Background(), func(context.Context) error { return nil })
		if strings.Contains(log.String(), "waiting for run") {
			t.Fatalf("run had returned:\n%s", log.String())
		}
	}
}

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

// TestSecondRun has conformance 73 in it.
func TestSecondRun(t *testing.T) {
	var second bytes.Buffer
	started := false
	code := silent().Run(context.Background(), func(context.Context) error {
		p := lastly.Program{Stderr: &second}
		if code := p.Run(context.Background(), func(context.Context) error { started = true; return nil }); code != 2 {
			return fmt.Errorf("the second ended with %d", code)
		}
		return nil
	})
	if code != 0 || started || !strings.Contains(second.String(), "another Main or Program.Run is running") {
		t.Errorf("code %d, the second was started: %v, stderr %q", code, started, &second)
	}
}

// TestProgramSettings: what the Program sets goes before what the process scope has, and 0 means the latter.
func TestProgramSettings(t *testing.T) {
	for _, c := range []struct {
		program, scope, want time.Duration
	}{
		{0, 0, lastly.DefaultGrace},
		{0, time.Hour, time.Hour},
		{time.Minute, 0, time.Minute},
		{time.Minute, time.Hour, time.Minute},
	} {
		var report lastly.Report
		var ofProgram, ofScope lockedBuffer
		lastly.Process().Grace = c.scope
		p := lastly.Program{Grace: c.program, OnExit: func(r lastly.Report) { report = r }}
		if c.program != 0 {
			p.Logger = slog.New(slog.NewTextHandler(&ofProgram, nil))
		}
		if c.scope != 0 {
			lastly.Process().Logger = slog.New(slog.NewTextHandler(&ofScope, nil))
		}
		if code := p.Run(context.Background(), nop); code != 0 {
			t.Errorf("code %d", code)
		}
		if report.Grace != c.want {
			t.Errorf("Program %v, scope %v: the grace was %v, want %v", c.program, c.scope, report.Grace, c.want)
		}
		wantProgram, wantScope := c.program != 0, c.scope != 0 && c.program == 0
		if logged := ofProgram.String() != ""; logged != wantProgram {
			t.Errorf("Program %v, scope %v: the Program's Logger heard something: %v", c.program, c.scope, logged)
		}
		if logged := ofScope.String() != ""; logged != wantScope {
			t.Errorf("Program %v, scope %v: the scope's Logger heard something: %v", c.program, c.scope, logged)
		}
	}
}

// TestClosedByHand closes the process scope before and while a Program runs.
func TestClosedByHand(t *testing.T) {
	if err := lastly.Process().Close(); err != nil {
		t.Fatal(err)
	}
	ran := 0
	code := silent().Run(context.Background(), func(ctx context.Context) error {
		lastly.Defer("hook", func() { ran++ })
		if ran > 0 {
			t.Error("the scope that Run was given is the closed one")
		}
		if err := lastly.Process().Close(); !errors.Is(err, lastly.ErrClosing) {
			t.Errorf("Close by run: %v, want ErrClosing", err)
		}
		<-ctx.Done()
		if cause := context.Cause(ctx); !errors.Is(cause, lastly.ErrClosing) {
			t.Errorf("cause: %v", cause)
		}
		return &lastly.ExitError{Code: 4}
	})
	if code != 4 || ran != 1 {
		t.Errorf("code %d, want 4; the hook ran %d times", code, ran)
	}
}

// TestLatePanic: a run that was left behind panics while the hooks run.
func TestLatePanic(t *testing.T) {
	free, over := make(chan struct{}), make(chan struct{})
	p := silent()
	p.HookTimeout = 20 * time.Millisecond
	ran := false
	code := p.Run(context.Background(), func(context.Context) error {
		lastly.Defer("first", func() { ran = true })
		lastly.Register(lastly.Hook{Timeout: time.Minute, Run: func(context.Context) error {
			close(free)
			<-over
			testproc.Linger(20 * time.Millisecond)
			return nil
		}})
		defer close(over)
		go lastly.Exit(0)
		<-free
		explode()
		return nil
	})
	if code != 2 || !ran {
		t.Errorf("code %d, want 2; the first hook ran: %v", code, ran)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
