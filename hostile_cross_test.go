package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestCrosswise: hook of A closes B while hook of B closes A, both closed from outside, or one from within the other.
func TestCrosswise(t *testing.T) {
	for _, both := range []bool{true, false} {
		t.Run(fmt.Sprintf("both closed from outside: %v", both), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a, b lastly.Scope
				var r recorder
				var meet sync.WaitGroup
				if both {
					meet.Add(2)
				}
				closes := func(name string, other *lastly.Scope) func(context.Context) error {
					return func(context.Context) error {
						if both {
							meet.Done()
							meet.Wait()
						}
						if err := other.Close(); err != nil && !errors.Is(err, lastly.ErrClosing) {
							return err
						}
						r.note(name)
						return nil
					}
				}
				a.Defer("a first", r.hook("a first"))
				b.Defer("b first", r.hook("b first"))
				a.Defer("a", closes("a", &b))
				b.Defer("b", closes("b", &a))
				began := time.Now()
				errs := make(chan error, 2)
				go func() { errs <- a.Close() }()
				if both {
					go func() { errs <- b.Close() }()
				} else {
					go func() { <-b.Closed(); errs <- b.Close() }()
				}
				for range 2 {
					if err := <-errs; err != nil {
						t.Error(err)
					}
				}
				wantTook(t, began, 0, 0)
				if len(r.names()) != 4 {
					t.Errorf("ran %q", r.names())
				}
			})
		})
	}
}

// TestTwoRunEachOther: two hooks that run each other's handle, in one scope and in two, side by side and in turn.
func TestTwoRunEachOther(t *testing.T) {
	for _, test := range []struct {
		name       string
		sideBySide bool
		twoScopes  bool
		goroutine  bool // each calls from a goroutine of its own that it waits for, with its context
	}{
		{"one scope, in turn", false, false, false},
		{"one scope, side by side", true, false, false},
		{"two scopes, in turn", false, true, false},
		{"two scopes, side by side", true, true, false},
		{"by goroutines, in turn", false, false, true},
		{"by goroutines, side by side", true, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a, b lastly.Scope
				sb := &a
				if test.twoScopes {
					sb = &b
				}
				var r recorder
				var ha, hb *lastly.Handle
				var meet sync.WaitGroup
				if test.sideBySide {
					meet.Add(2)
				}
				runs := func(name string, other **lastly.Handle) lastly.Hook {
					var uses []string
					if test.sideBySide {
						uses = lastly.Nothing
					}
					return lastly.Hook{Name: name, Uses: uses, Run: func(ctx context.Context) error {
						if test.sideBySide {
							meet.Done()
							meet.Wait()
						}
						r.note(name)
						result := make(chan error, 1)
						if test.goroutine {
							go func() { result <- (*other).Run(ctx) }()
						} else {
							result <- (*other).Run(ctx)
						}
						if err := <-result; err != nil && !errors.Is(err, lastly.ErrClosing) {
							return err
						}
						return nil
					}}
				}
				ha = a.Register(runs("a", &hb))
				hb = sb.Register(runs("b", &ha))
				began := time.Now()
				errs := make(chan error, 2)
				go func() { errs <- sb.Close() }()
				if test.twoScopes && !test.sideBySide {
					synctest.Wait()
				}
				go func() { errs <- a.Close() }()
				for range 2 {
					if err := <-errs; err != nil {
						t.Error(err)
					}
				}
				wantTook(t, began, 0, 0)
				if r.count("a") != 1 || r.count("b") != 1 {
					t.Errorf("ran %q", r.names())
				}
			})
		})
	}
}

// TestInsideShutdownIsNotHurried: a hook or a Go that begins the close of what it belongs to, with its own context, and returns:
// that its context ends then is no reason to hurry the others.
func TestInsideShutdownIsNotHurried(t *testing.T) {
	for _, by := range []string{"hook", "go"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sc lastly.Scope
				sc.Defer("slow", func(ctx context.Context) error { time.Sleep(8 * s); return ctx.Err() })
				child := sc.Child(lastly.Hook{Name: "child"})
				begin := func(ctx context.Context) error {
					if err := sc.Shutdown(ctx); !errors.Is(err, lastly.ErrClosing) {
						t.Errorf("got %v", err)
					}
					return nil
				}
				if by == "go" {
					child.Go(lastly.Hook{Name: "go", Run: begin})
				} else {
					child.Defer("hook", begin)
					_ = child.Close()
				}
				<-sc.Closed()
				if err := sc.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
