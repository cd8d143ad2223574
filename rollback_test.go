package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
)

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
				if !strings.HasPrefix(text, "lastly: ") || !strings.Contains(text, "rollback_test.go:") {
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
