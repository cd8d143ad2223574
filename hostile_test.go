package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

var errOwn = errors.New("my own failure")

// stage is a scope with a hook in the middle that misbehaves, between two that don't.
type stage struct {
	parent, scope, child, sibling *lastly.Scope
	r                             recorder
	other                         *lastly.Handle // waits for its turn while the bad hook runs
	own                           *lastly.Handle
	free                          chan struct{} // what hangs may go when the test is over
}

// TestHookMisbehaves runs each way to misbehave alone: the others run, Close returns what it should, and nothing takes time but
// what can't be stopped. Conformance 17, 18.
func TestHookMisbehaves(t *testing.T) {
	type bad struct {
		name string
		run  func(st *stage, ctx context.Context) error
		want error         // nil: Close returns nil
		most time.Duration // of fake time
	}
	refused := func(errs ...error) error {
		for _, err := range errs {
			if !errors.Is(err, lastly.ErrClosing) {
				return fmt.Errorf("want ErrClosing, got %w", err)
			}
		}
		return nil
	}
	for _, b := range []bad{
		{name: "returns an error", want: errOwn, run: func(*stage, context.Context) error { return errOwn }},
		{name: "panics with an error", want: errOwn, run: func(*stage, context.Context) error { panic(errOwn) }},
		{name: "Goexit", want: lastly.ErrGoexit, run: func(*stage, context.Context) error { runtime.Goexit(); return nil }},
		{
			name: "Goexit while panicking", want: lastly.ErrGoexit,
			run: func(*stage, context.Context) error { defer runtime.Goexit(); panic("lost") },
		},
		{name: "closes its own scope", run: func(st *stage, _ context.Context) error { return refused(st.scope.Close(), st.scope.Close()) }},
		{name: "closes its own scope, deep down", run: func(st *stage, _ context.Context) error { return refused(deepDown(1000, st.scope.Close)) }},
		{name: "closes its own scope while it panics", want: errOwn, run: func(st *stage, _ context.Context) error {
			defer func() {
				if err := refused(st.scope.Close()); err != nil {
					panic(err)
				}
			}()
			panic(errOwn)
		}},
		{name: "closes its parent", run: func(st *stage, _ context.Context) error { return refused(st.parent.Close()) }},
		{name: "closes its child", run: func(st *stage, _ context.Context) error { return st.child.Close() }},
		{name: "closes its sibling", run: func(st *stage, _ context.Context) error { return st.sibling.Close() }},
		{name: "Shutdown with its ctx", run: func(st *stage, ctx context.Context) error { return refused(st.scope.Shutdown(ctx)) }},
		{name: "Shutdown with Background", run: func(st *stage, _ context.Context) error {
			return refused(st.scope.Shutdown(context.Background()), st.parent.Shutdown(context.Background()))
		}},
		{name: "Shutdown with its ctx in another goroutine", run: func(st *stage, ctx context.Context) error {
			errs := make(chan error, 2)
			go func() { errs <- st.scope.Shutdown(ctx) }()
			go func() {
				derived, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				errs <- st.parent.Shutdown(derived)
			}()
			return refused(<-errs, <-errs)
		}},
		{name: "waits for Closed", most: 3 * time.Second, want: context.DeadlineExceeded, run: func(st *stage, ctx context.Context) error {
			select {
			case <-st.scope.Closed():
				return errors.New("Closed before its hooks have run")
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
		{name: "cancels another", run: func(st *stage, _ context.Context) error {
			if !st.other.Cancel() {
				return errors.New("could not cancel")
			}
			st.r.note("other") // so that the list is complete
			return nil
		}},
		{name: "cancels itself", run: func(st *stage, _ context.Context) error {
			if st.own.Cancel() {
				return errors.New("cancelled what runs")
			}
			return nil
		}},
		{name: "runs another's handle", run: func(st *stage, ctx context.Context) error {
			return errors.Join(st.other.Run(ctx), st.other.Run(context.Background()))
		}},
		{name: "runs its own handle", run: func(st *stage, ctx context.Context) error {
			return refused(st.own.Run(ctx), st.own.Run(context.Background()))
		}},
		{name: "runs its own handle in another goroutine", run: func(st *stage, ctx context.Context) error {
			err := make(chan error)
			go func() { err <- st.own.Run(ctx) }()
			return refused(<-err)
		}},
		{name: "holds", run: func(st *stage, _ context.Context) error {
			release, err := st.scope.Hold("too late")
			release()
			return refused(err)
		}},
		{name: "asks for reports", run: func(st *stage, _ context.Context) error {
			for _, s := range []*lastly.Scope{st.parent, st.scope, st.child, st.sibling} {
				_ = s.Report().String()
				_ = s.Context().Err()
			}
			return st.parent.Check()
		}},
		{name: "rolls its own scope back", run: func(st *stage, _ context.Context) error {
			err := errOwn
			func() { defer st.scope.Rollback(&err) }()
			if !errors.Is(err, errOwn) {
				return fmt.Errorf("Rollback lost its error: %w", err)
			}
			return refused(err)
		}},
		{
			name: "never returns", want: context.DeadlineExceeded, most: 3 * time.Second,
			run: func(st *stage, _ context.Context) error { <-st.free; return nil },
		},
		{
			name: "returns its ctx's error", want: context.DeadlineExceeded, most: 2 * time.Second,
			run: func(_ *stage, ctx context.Context) error { return untilDone(ctx) },
		},
	} {
		t.Run(b.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStage(func(st *stage, ctx context.Context) error { return b.run(st, ctx) })
				defer close(st.free)
				began := time.Now()
				err := st.parent.Close()
				if !errors.Is(err, b.want) {
					t.Errorf("Close returned %v, want %v", err, b.want)
				}
				if b.want != nil {
					wantErrorNames(t, err, "scope", "bad")
				}
				wantTook(t, began, 0, b.most)
				if again := st.parent.Close(); !errors.Is(again, b.want) {
					t.Errorf("a second Close returned %v", again)
				}
				for _, name := range []string{"outermost", "sibling", "first", "other", "child", "last"} {
					if n := st.r.count(name); n != 1 {
						t.Errorf("%q ran %d times: %q", name, n, st.r.names())
					}
				}
			})
		})
	}
}

//go:noinline
func deepDown(frames int, f func() error) error {
	if frames == 0 {
		return f()
	}
	err := deepDown(frames-1, f)
	runtime.KeepAlive(frames)
	return err
}

func newStage(bad func(st *stage, ctx context.Context) error) *stage {
	st := &stage{parent: new(lastly.Scope), free: make(chan struct{})}
	st.parent.Defer("outermost", st.r.hook("outermost"))
	st.sibling = st.parent.Child(lastly.Hook{Name: "sibling"})
	st.sibling.Defer("sibling", st.r.hook("sibling"))
	st.scope = st.parent.Child(lastly.Hook{Name: "scope"})
	st.scope.Defer("first", st.r.hook("first"))
	st.other = st.scope.Defer("other", st.r.hook("other"))
	st.child = st.scope.Child(lastly.Hook{Name: "child"})
	st.child.Defer("child", st.r.hook("child"))
	st.own = st.scope.Register(lastly.Hook{Name: "bad", Timeout: 2 * time.Second, Run: func(ctx context.Context) error { return bad(st, ctx) }})
	st.scope.Defer("last", st.r.hook("last"))
	return st
}

// TestPanicIsKept: value and stack, whatever was thrown. Conformance 17c.
func TestPanicIsKept(t *testing.T) {
	var s lastly.Scope
	type odd struct{ n int }
	values := map[string]any{"text": "boom", "error": errOwn, "struct": odd{7}, "nil": nil}
	for name, v := range values {
		s.Defer(name, func(context.Context) error { panic(v) })
	}
	zero := 0
	s.Defer("runtime", func(context.Context) error { panicsHere(1 / zero); return nil })
	err := s.Close()
	seen := 0
	for _, he := range hookErrors(err) {
		seen++
		var p *lastly.PanicError
		if !errors.As(he, &p) {
			t.Errorf("%s: %v is no PanicError", he.Name, he)
			continue
		}
		if !strings.Contains(string(p.Stack), "TestPanicIsKept") || !strings.Contains(string(p.Stack), "hostile_test.go") {
			t.Errorf("%s: the stack does not say where:\n%s", he.Name, p.Stack)
		}
		switch he.Name {
		case "nil":
			var pn *runtime.PanicNilError
			if !errors.As(he, &pn) {
				t.Errorf("panic(nil) became %#v", p.Value)
			}
		case "runtime":
			var re runtime.Error
			if !errors.As(he, &re) || !strings.Contains(re.Error(), "divide by zero") {
				t.Errorf("runtime error became %#v", p.Value)
			}
		default:
			if p.Value != values[he.Name] {
				t.Errorf("%s: value is %#v", he.Name, p.Value)
			}
		}
		if h := inReport(t, s.Report(), he.Name); h.Outcome != lastly.OutcomePanicked || h.Stack != string(p.Stack) {
			t.Errorf("%s: report says %v, stack of %d bytes", he.Name, h.Outcome, len(h.Stack))
		}
	}
	if seen != 5 || !errors.Is(err, errOwn) {
		t.Errorf("%d errors: %v", seen, err)
	}
}

func panicsHere(int) {}

// that its context ends then is no reason to hurry the others.
