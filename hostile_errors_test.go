package lastly_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// wrapped is an error as many are. A nil pointer to one can be returned as an error that is not nil.
type wrapped struct{ cause error }

func (e *wrapped) Error() string { return "wrapped: " + e.cause.Error() }
func (e *wrapped) Unwrap() error { return e.cause }

// several can't be compared: to do it panics.
type several []error

func (several) Error() string { return "several" }

// curious calls back when somebody looks at it.
type curious struct{ look func() }

func (c curious) Error() string { c.look(); return "curious" }
func (c curious) Unwrap() error { c.look(); return nil }
func (c curious) Is(error) bool { c.look(); return false }
func (c curious) As(any) bool   { c.look(); return false }

// errNull is not nil, and says so when it is returned.
var errNull error = (*wrapped)(nil)

const ofNull = "the *lastly_test.wrapped that it returned panicked"

// TestErrorsMisbehave has hooks that return errors at which nobody can look, or that call back: to look is to call foreign
// code, so it happens with no lock held, and in the hook's own time.
func TestErrorsMisbehave(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     func(st *stage) error
		says    string
		outcome lastly.Outcome
	}{
		{"nil pointer", func(*stage) error { return errNull }, ofNull, lastly.OutcomeFailed},
		{"nil pointer in another", func(*stage) error { return errors.Join(errOwn, errNull) }, "*errors.joinError that it returned", lastly.OutcomeFailed},
		{"nil pointers of this package", func(*stage) error { return (*lastly.PanicError)(nil) }, "nil", lastly.OutcomeFailed},
		{"a HookError", func(*stage) error { return errors.Join((*lastly.HookError)(nil)) }, "it returned", lastly.OutcomeFailed},
		{"a HookError with one", func(*stage) error { return &lastly.HookError{Err: errNull} }, "panic", lastly.OutcomePanicked},
		{"not comparable", func(*stage) error { return several{errOwn} }, "several", lastly.OutcomeFailed},
		{"calls back", func(st *stage) error {
			return curious{func() { _ = st.parent.Check(); st.scope.Context(); st.other.Cancel(); _ = st.scope.Close() }}
		}, "curious", lastly.OutcomeFailed},
		{"never returns", func(st *stage) error { return curious{func() { <-st.free }} }, "abandoned", lastly.OutcomeAbandoned},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStage(func(st *stage, _ context.Context) error { return c.err(st) })
				defer close(st.free)
				if err := st.parent.Close(); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("Close returned %v, want one that says %q", err, c.says)
				}
				if bad := inReport(t, st.scope.Report(), "bad"); bad.Outcome != c.outcome {
					t.Errorf("its outcome is %q, want %q", bad.Outcome, c.outcome)
				}
				if st.r.count("first") != 1 || st.r.count("last") != 1 || st.r.count("outermost") != 1 {
					t.Errorf("only %q ran", st.r.names())
				}
			})
		})
	}
}

// TestGoReturnsOddErrors has the same for a Go, when it was told to stop and before.
func TestGoReturnsOddErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		work func(ctx context.Context) error
		says string
	}{
		{"nil pointer", func(context.Context) error { return errNull }, ofNull},
		{"nil pointer when told", func(ctx context.Context) error { <-ctx.Done(); return errNull }, ofNull},
		{"its cause, which can't be compared", func(ctx context.Context) error { <-ctx.Done(); return several{errOwn} }, "several"},
		{"panics with its context's error", func(ctx context.Context) error { <-ctx.Done(); panic(ctx.Err()) }, "panic: context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s lastly.Scope
				var r recorder
				s.Defer("first", r.hook("first"))
				s.Go(lastly.Hook{Name: "go", Run: c.work})
				synctest.Wait()
				if err := s.Close(); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("Close returned %v, want one that says %q", err, c.says)
				}
				r.want(t, "first")
			})
		})
	}
}

// TestRunReturnsOddErrors has the same for Main's run.
func TestRunReturnsOddErrors(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(several{errOwn})
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		says string
	}{
		{"nil pointer", t.Context(), errNull, ofNull},
		{"nil *ExitError", t.Context(), (*lastly.ExitError)(nil), "the *lastly.ExitError that it returned"},
		{"its cause, which can't be compared", ctx, several{errOwn}, "several"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			var stderr lockedBuffer
			lastly.Process().Defer("hook", r.hook("hook"))
			code := lastly.Program{Stderr: &stderr}.Run(c.ctx, func(context.Context) error { return c.err })
			if code != 1 || !strings.Contains(stderr.String(), c.says) {
				t.Errorf("code %d, stderr %q; want 1 and %q", code, stderr.String(), c.says)
			}
			r.want(t, "hook")
		})
	}
}

// TestPanicIsNoTimeout: what a hook panicked with is kept, even if it panicked late and with its context's error.
func TestPanicIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		s.Register(lastly.Hook{Name: "late", Timeout: time.Second, Run: func(ctx context.Context) error {
			<-ctx.Done()
			panic(ctx.Err())
		}})
		err := s.Close()
		p, panicked := errors.AsType[*lastly.PanicError](err)
		if _, timedOut := errors.AsType[*lastly.TimeoutError](err); !timedOut || !panicked || len(p.Stack) == 0 {
			t.Errorf("%v: timed out %v, panicked %v", err, timedOut, panicked)
		}
	})
}

// TestPanicNil has a program that keeps panic(nil) as it was before Go 1.21, where recover does not see it.
func TestPanicNil(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	var s lastly.Scope
	s.Defer("nil", func(context.Context) error { panic(nil) })
	if _, ok := errors.AsType[*lastly.PanicError](s.Close()); !ok {
		t.Error("panic(nil) was taken for success")
	}
}

// TestForever has programs that want no bound at all, and say so with the longest Duration there is.
func TestForever(t *testing.T) {
	const most = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		name           string
		grace, timeout time.Duration // of the scope
		hook           time.Duration
	}{
		{"Grace", most, 0, 0},
		{"HookTimeout", 0, most, 0},
		{"Timeout", 0, 0, most},
		{"all", most, most, most},
		{"nearly", most - time.Second, most - 1, most - lastly.Reserve},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				s := lastly.Scope{Grace: c.grace, HookTimeout: c.timeout}
				child := s.Child(lastly.Hook{Name: "child", Timeout: c.hook})
				child.Register(lastly.Hook{Name: "grandchild", Timeout: c.hook, Run: r.sleeper("grandchild", time.Second)})
				s.Register(lastly.Hook{Name: "second", Timeout: c.hook, Run: r.sleeper("second", time.Second)})
				s.Register(lastly.Hook{Name: "first", Timeout: c.hook, Run: r.sleeper("first", time.Second)})
				for range 2 { // the second is released when the clock has moved
					release, _ := s.Hold("work")
					time.AfterFunc(time.Second, release)
					time.Sleep(time.Second / 2)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				r.want(t, "first", "second", "grandchild")
			})
		})
	}
}
