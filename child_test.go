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

// TestEmptyScope: nothing to do. Conformance 37.
func TestEmptyScope(t *testing.T) {
	var sc lastly.Scope
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	<-sc.Closed()
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	if err := (&lastly.Scope{}).Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestChild closes as one hook of its parent, before the parent's Close returns, with the parent's cause. Conformance 50, 51a.
func TestChild(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	sc.Defer("a", r.hook("a"))
	early := sc.Child(lastly.Hook{Name: "early"})
	early.Defer("in early", r.hook("in early"))
	late := sc.Child(lastly.Hook{Name: "late"})
	late.Defer("in late 1", r.hook("in late 1"))
	late.Defer("in late 2", func(context.Context) error { r.note("in late 2"); return errOwn })
	sc.Defer("b", func(context.Context) error {
		if late.Context().Err() != nil {
			t.Error("a child's context ends when its own closing begins")
		}
		r.note("b")
		return nil
	})
	if err := early.Close(); err != nil { // by itself: the rest goes on
		t.Error(err)
	}
	if sc.Context().Err() != nil || late.Context().Err() != nil || len(sc.Report().Hooks) != 3 {
		t.Errorf("closing a child touches others:\n%v", sc.Report())
	}
	err := sc.Close()
	wantErrorNames(t, err, "late", "in late 2")
	r.want(t, "in early", "b", "in late 2", "in late 1", "a")
	if !errors.Is(err, errOwn) || !errors.Is(late.Close(), errOwn) {
		t.Error(err, late.Close())
	}
	<-late.Closed()
	sub := inReport(t, sc.Report(), "late").Scope
	if sub == nil || sub.State != "closed" || len(sub.Hooks) != 2 {
		t.Errorf("%+v", sub)
	}
}

// TestZeroScopeBelongsToNobody: only its own Close runs it.
func TestZeroScopeBelongsToNobody(t *testing.T) {
	var sc, other lastly.Scope
	var r recorder
	sc.Defer("x", r.hook("x"))
	other.Close()
	runtime.GC()
	r.want(t)
	sc.Close()
	r.want(t, "x")
}

// TestRefusals: what makes no sense panics, at the call, with its place; the parent stays as it was. Conformance 8.
func TestRefusals(t *testing.T) {
	var sc lastly.Scope
	obj := new(int)
	var noFunc func() error
	nop := func(context.Context) error { return nil }
	for name, call := range map[string]func(){
		"Register nil":      func() { sc.Register(lastly.Hook{Name: "x"}) },
		"Register negative": func() { sc.Register(lastly.Hook{Name: "x", Run: nop, Timeout: -1}) },
		"Defer nil":         func() { sc.Defer("x", nil) },
		"DeferIn nil":       func() { lastly.DeferIn(&sc, "x", noFunc) },
		"Go nil":            func() { sc.Go(lastly.Hook{Name: "x"}) },
		"Go negative":       func() { sc.Go(lastly.Hook{Name: "x", Run: nop, Timeout: -1}) },
		"Child with Run":    func() { sc.Child(lastly.Hook{Name: "x", Run: nop}) },
		"Child negative":    func() { sc.Child(lastly.Hook{Name: "x", Timeout: -1}) },
		"Attach nil":        func() { lastly.Attach(&sc, obj, lastly.Hook{Name: "x"}) },
		"Attach nil object": func() { lastly.Attach[int](&sc, nil, lastly.Hook{Name: "x", Run: nop}) },
		"process Register":  func() { lastly.Register(lastly.Hook{Name: "x"}) },
		"process Defer":     func() { lastly.Defer("x", noFunc) },
		"process Go":        func() { lastly.Go("x", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text := fmt.Sprint(recover())
				if !strings.HasPrefix(text, "lastly: ") || !strings.Contains(text, "child_test.go:") {
					t.Errorf("panicked with %q", text)
				}
				if n := len(sc.Report().Hooks); n != 0 {
					t.Errorf("%d hooks are registered", n)
				}
			}()
			call()
		})
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
}

// TestRollback: several things or none.
func TestRollback(t *testing.T) {
	errClose := errors.New("undoing failed")
	build := func(sc *lastly.Scope, r *recorder, fail func() error) (err error) {
		child := sc.Child(lastly.Hook{Name: "built"})
		defer child.Rollback(&err)
		child.Defer("one", r.hook("one"))
		child.Defer("two", func(context.Context) error { r.note("two"); return errClose })
		return fail()
	}
	t.Run("error", func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		err := build(&sc, &r, func() error { return errOwn })
		if joined := unjoin(err); !errors.Is(err, errClose) || !errors.Is(joined[0], errOwn) {
			t.Errorf("%v", err)
		}
		r.want(t, "two", "one")
		if n := len(sc.Report().Hooks); n != 0 {
			t.Errorf("%d hooks are left", n)
		}
	})
	t.Run("success", func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		if err := build(&sc, &r, func() error { return nil }); err != nil {
			t.Error(err)
		}
		r.want(t)
		if err := sc.Close(); !errors.Is(err, errClose) {
			t.Error(err)
		}
		r.want(t, "two", "one")
	})
	t.Run("panic", func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		func() {
			defer func() {
				if v := recover(); v != any("boom") {
					t.Errorf("recovered %v", v)
				}
			}()
			_ = build(&sc, &r, func() error { panic("boom") })
		}()
		r.want(t, "two", "one")
	})
	t.Run("nil pointer", func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		child := sc.Child(lastly.Hook{})
		child.Defer("x", r.hook("x"))
		func() { defer child.Rollback(nil) }()
		r.want(t)
		func() {
			defer func() { _ = recover() }()
			defer child.Rollback(nil)
			panic("boom")
		}()
		r.want(t, "x")
	})
	t.Run("closing goes well", func(t *testing.T) {
		var sc lastly.Scope
		err := errOwn
		func() { defer sc.Rollback(&err) }()
		if err != errOwn { //nolint:errorlint // nothing was joined to it
			t.Errorf("%v", err)
		}
	})
	t.Run("nested", func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		err := func() (err error) {
			outer := sc.Child(lastly.Hook{Name: "outer"})
			defer outer.Rollback(&err)
			outer.Defer("outer", r.hook("outer"))
			return func() (err error) {
				inner := outer.Child(lastly.Hook{Name: "inner"})
				defer inner.Rollback(&err)
				inner.Defer("inner", r.hook("inner"))
				return errOwn
			}()
		}()
		if !errors.Is(err, errOwn) {
			t.Error(err)
		}
		r.want(t, "inner", "outer")
	})
}

// TestCloseInTheMiddle: hooks run then, and none again at the end. Conformance 42, 78.
func TestCloseInTheMiddle(t *testing.T) {
	var r recorder
	func() {
		var sc lastly.Scope
		defer func() {
			if err := sc.Close(); err != nil {
				t.Error(err)
			}
		}()
		sc.Defer("x", r.hook("x"))
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		r.want(t, "x")
	}()
	r.want(t, "x")
}

// TestContext ends when closing begins, before holds are awaited and hooks run, with the cause; asked for early or late.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		ctx := sc.Context()
		if ctx != sc.Context() || ctx.Err() != nil {
			t.Error("two contexts, or an ended one")
		}
		release, err := sc.Hold("work")
		if err != nil {
			t.Fatal(err)
		}
		sc.Defer("x", func(context.Context) error {
			select {
			case <-sc.Closed():
				t.Error("Closed while hooks run")
			default:
			}
			return nil
		})
		go sc.Close()
		synctest.Wait()
		if !errors.Is(ctx.Err(), context.Canceled) || !errors.Is(context.Cause(ctx), lastly.ErrClosing) {
			t.Errorf("%v, cause %v", ctx.Err(), context.Cause(ctx))
		}
		select {
		case <-sc.Closed():
			t.Error("Closed while work is held")
		default:
		}
		release()
		<-sc.Closed()

		var never lastly.Scope
		never.Close()
		if cause := context.Cause(never.Context()); !errors.Is(cause, lastly.ErrClosing) {
			t.Errorf("asked for after the end: %v", cause)
		}
		<-never.Closed()
	})
}

// TestCauseReachesChildren: the failure of a Go is the cause of its scope's close and of its children's.
func TestCauseReachesChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		grandchild := sc.Child(lastly.Hook{Name: "child"}).Child(lastly.Hook{Name: "grandchild"})
		stopped := make(chan error, 1)
		grandchild.Go(lastly.Hook{Name: "worker", Run: func(ctx context.Context) error {
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return nil
		}})
		ctx := grandchild.Context()
		sc.Go(lastly.Hook{Name: "fails", Run: failWith(errOwn)})
		<-sc.Closed()
		for _, cause := range []error{context.Cause(ctx), <-stopped, sc.Report().Cause} {
			if !errors.Is(cause, errOwn) {
				t.Errorf("cause %v", cause)
			}
		}
	})
}

// TestManyCloseChildren: a parent and its children closed by many at once.
func TestManyCloseChildren(t *testing.T) {
	for range 100 {
		var sc lastly.Scope
		var r recorder
		children := make([]*lastly.Scope, 8)
		for i := range children {
			children[i] = sc.Child(lastly.Hook{Name: fmt.Sprint(i), Uses: lastly.Nothing})
			children[i].Defer("x", func(context.Context) error { r.note("x"); return errOwn })
		}
		done := make(chan error)
		for _, c := range append(children, &sc) {
			go func() { done <- c.Close() }()
		}
		deadline := time.After(10 * time.Second)
		for range 9 {
			select {
			case <-done:
			case <-deadline:
				t.Fatal("Close does not return")
			}
		}
		if r.count("x") != 8 {
			t.Fatalf("ran %d", r.count("x"))
		}
		for _, c := range children {
			if !errors.Is(c.Close(), errOwn) {
				t.Fatal(c.Close())
			}
		}
	}
}
