package lastly_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

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

// TestSecondRun has conformance 73 in it.
func TestSecondRun(t *testing.T) {
	var second lockedBuffer
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

// TestExitAtTheEnd calls Exit when everything has run: it still counts.
func TestExitAtTheEnd(t *testing.T) {
	for _, c := range []struct{ first, last, want int }{{0, 3, 3}, {4, 3, 4}} {
		p := silent()
		p.OnExit = func(lastly.Report) { lastly.Exit(c.last) }
		if code := p.Run(context.Background(), func(context.Context) error { return &lastly.ExitError{Code: c.first} }); code != c.want {
			t.Errorf("%d, then %d: code %d, want %d", c.first, c.last, code, c.want)
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

// TestClosedByHandWithoutRun closes the process scope under a run that does not return.
func TestClosedByHandWithoutRun(t *testing.T) {
	free := make(chan struct{})
	defer close(free)
	p := silent()
	p.HookTimeout = 50 * time.Millisecond
	code := p.Run(context.Background(), func(context.Context) error {
		go func() { _ = lastly.Process().Close() }()
		stuckIn(free)
		return nil
	})
	if code != 1 {
		t.Errorf("code %d, want 1: a run that did not return is no success", code)
	}
}

// TestBestEffortInChild: a child in which nothing else has failed counts for the exit code no more than its hooks do.
func TestBestEffortInChild(t *testing.T) {
	for _, bestEffort := range []bool{true, false} {
		want := 1
		if bestEffort {
			want = 0
		}
		code := silent().Run(t.Context(), func(context.Context) error {
			child := lastly.Process().Child(lastly.Hook{Name: "child"})
			grandchild := child.Child(lastly.Hook{Name: "grandchild"})
			grandchild.Register(lastly.Hook{Name: "fails", Run: failWith(errOwn), BestEffort: bestEffort})
			return nil
		})
		if code != want {
			t.Errorf("best effort %v: code %d, want %d", bestEffort, code, want)
		}
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
