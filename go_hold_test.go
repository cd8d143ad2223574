package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestGoStopsAtItsPlace: a Go's context ends when everything that uses it has ended, and not before. Conformance 35.
func TestGoStopsAtItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		jobs := make(chan string)
		sc.Defer("db", r.hook("db"))
		sc.Go(lastly.Hook{Name: "worker", Run: func(ctx context.Context) error {
			for {
				select {
				case job := <-jobs:
					r.note(job)
				case <-ctx.Done():
					if !errors.Is(context.Cause(ctx), lastly.ErrClosing) {
						t.Errorf("cause %v", context.Cause(ctx))
					}
					time.Sleep(s)
					r.note("worker")
					return ctx.Err()
				}
			}
		}})
		sc.Defer("server", func(context.Context) error {
			time.Sleep(s)
			jobs <- "last job"
			return nil
		})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		r.want(t, "last job", "worker", "db")
		if h := inReport(t, sc.Report(), "worker"); h.Kind != "go" || h.Start != s || h.Duration != s || h.Outcome != lastly.OutcomeOK {
			t.Errorf("%+v", h)
		}
	})
}

// TestGoEnds in each way by itself. Conformance 21, 51b.
func TestGoEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(ctx context.Context) error
		want error // nil: nothing happens
	}{
		{"nil", func(context.Context) error { return nil }, nil},
		{"error", failWith(errOwn), errOwn},
		{"panic", func(context.Context) error { panic(errOwn) }, errOwn},
		{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }, lastly.ErrGoexit},
		{"somebody's context error", failWith(context.Canceled), context.Canceled},
		{"EOF", failWith(fmt.Errorf("reading: %w", io.EOF)), io.EOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var parent lastly.Scope
				var r recorder
				parent.Defer("outside", r.hook("outside"))
				sc := parent.Child(lastly.Hook{Name: "child"})
				sc.Defer("inside", r.hook("inside"))
				site := siteHere(1)
				h := sc.Go(lastly.Hook{Name: "go", Run: test.run})
				synctest.Wait()
				if h.Cancel() {
					t.Error("a Go can't be cancelled")
				}
				if parent.Context().Err() != nil {
					t.Error("the parent closes: a Go ends its own scope only")
				}
				if test.want == nil {
					if sc.Context().Err() != nil {
						t.Error("the scope closes although the Go ended with nil")
					}
					if n := len(sc.Report().Hooks); n != 1 {
						t.Errorf("it left something behind:\n%v", sc.Report())
					}
					if err := h.Run(context.Background()); err != nil {
						t.Error(err)
					}
					return
				}
				<-sc.Closed() // by itself
				r.want(t, "inside")
				if cause := context.Cause(sc.Context()); !errors.Is(cause, test.want) {
					t.Errorf("cause %v", cause)
				}
				err := sc.Close()
				var he *lastly.HookError
				if !errors.Is(err, test.want) || !errors.As(err, &he) || he.Name != "go" || he.Site != site {
					t.Errorf("Close returned %v", err)
				}
				wantErrorNames(t, err, "go")
				if err := h.Run(context.Background()); !errors.Is(err, test.want) {
					t.Errorf("the handle's Run returned %v", err)
				}
				if test.name == "panic" {
					var p *lastly.PanicError
					if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "TestGoEnds") {
						t.Errorf("%+v", p)
					}
				}
				_ = parent.Close()
				r.want(t, "inside", "outside")
			})
		})
	}
}

// TestGoStopped: what it returns once it was told to stop.
func TestGoStopped(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(ctx context.Context) error // called when ctx has ended
		want error
	}{
		{"nil", func(context.Context) error { return nil }, nil},
		{"its context's error", func(ctx context.Context) error { return ctx.Err() }, nil},
		{"wrapped", func(ctx context.Context) error { return fmt.Errorf("reading: %w", ctx.Err()) }, nil},
		{"the cause", func(ctx context.Context) error { return context.Cause(ctx) }, nil},
		{"error", failWith(errOwn), errOwn},
		{"joined with a failure", func(ctx context.Context) error { return errors.Join(errOwn, ctx.Err()) }, errOwn},
		{"another context's error", failWith(context.DeadlineExceeded), context.DeadlineExceeded},
		{"panic", func(context.Context) error { panic(errOwn) }, errOwn},
		{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }, lastly.ErrGoexit},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, by := range []string{"close", "handle"} {
					var sc lastly.Scope
					var r recorder
					sc.Defer("first", r.hook("first"))
					h := sc.Go(lastly.Hook{Name: "go", Run: func(ctx context.Context) error {
						<-ctx.Done()
						return test.run(ctx)
					}})
					var err error
					if by == "close" {
						err = sc.Close()
					} else {
						err = h.Run(context.Background())
						if err2 := sc.Close(); err2 != nil {
							t.Errorf("its error is the caller's, but Close returned %v", err2)
						}
					}
					if !errors.Is(err, test.want) {
						t.Errorf("by %s: got %v, want %v", by, err, test.want)
					}
					if again := h.Run(context.Background()); !errors.Is(again, test.want) {
						t.Errorf("by %s: then %v", by, again)
					}
					r.want(t, "first")
				}
			})
		})
	}
}

// TestGoHangs: it is abandoned with the stack of its own goroutine.
func TestGoHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		var sc lastly.Scope
		var r recorder
		sc.Defer("first", r.hook("first"))
		sc.Go(lastly.Hook{Name: "go", Timeout: 2 * s, Run: func(context.Context) error {
			time.Sleep(time.Hour) // the timeout is for the stop, not for the work
			<-free
			return nil
		}})
		time.Sleep(time.Minute)
		began := time.Now()
		err := sc.Close()
		wantTook(t, began, 2*s, 3*s)
		var te *lastly.TimeoutError
		if !errors.As(err, &te) || !strings.Contains(string(te.Stack), "TestGoHangs") {
			t.Errorf("%v\n%s", err, te.Stack)
		}
		r.want(t, "first")
		time.Sleep(2 * time.Hour)
	})
}

// TestGoWithoutTurn: the flow's time is over before its place in the order; it is told to stop all the same.
func TestGoWithoutTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var child *lastly.Scope
		stopped := false
		err := starve(&sc, func() {
			child = sc.Child(lastly.Hook{Name: "child"})
			sc.Go(lastly.Hook{Name: "go", Run: func(ctx context.Context) error {
				<-ctx.Done()
				stopped = true
				return ctx.Err()
			}})
		})
		synctest.Wait()
		if o := inReport(t, sc.Report(), "go").Outcome; o != lastly.OutcomeNotStarted || !errors.Is(err, lastly.ErrNotStarted) {
			t.Errorf("outcome %s", o)
		}
		if !stopped || child.Context().Err() == nil {
			t.Error("the scope is closed, its Go or its child works on")
		}
	})
}

// TestGoEndsWhileClosing: before its place in the order came; its failure counts, the order holds.
func TestGoEndsWhileClosing(t *testing.T) {
	for _, want := range []error{nil, errOwn} {
		synctest.Test(t, func(t *testing.T) {
			var sc lastly.Scope
			var r recorder
			stop := make(chan struct{})
			sc.Defer("first", r.hook("first"))
			sc.Go(lastly.Hook{Name: "go", Run: func(context.Context) error {
				<-stop
				r.note("go")
				return want
			}})
			sc.Defer("slow", func(context.Context) error {
				close(stop)
				time.Sleep(s)
				r.note("slow")
				return nil
			})
			if err := sc.Close(); !errors.Is(err, want) || (want == nil) != (err == nil) {
				t.Errorf("got %v, want %v", err, want)
			}
			r.want(t, "go", "slow", "first")
		})
	}
}

// TestGoClosesItself: a Go that closes its own scope, its parent, its child.
func TestGoClosesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var parent lastly.Scope
		var r recorder
		parent.Defer("outermost", r.hook("outermost"))
		sc := parent.Child(lastly.Hook{Name: "scope"})
		child := sc.Child(lastly.Hook{Name: "child"})
		child.Defer("in child", r.hook("in child"))
		sc.Go(lastly.Hook{Name: "go", Run: func(ctx context.Context) error {
			if err := child.Close(); err != nil {
				t.Error(err)
			}
			for _, err := range []error{sc.Close(), parent.Close(), sc.Shutdown(ctx)} {
				if !errors.Is(err, lastly.ErrClosing) {
					t.Errorf("got %v", err)
				}
			}
			<-ctx.Done()
			r.note("go")
			return ctx.Err()
		}})
		<-parent.Closed()
		r.want(t, "in child", "go", "outermost")
		if err := parent.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestManyGoFail: the first that fails begins the close; all failures are told.
func TestManyGoFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		start := make(chan struct{})
		for i := range 50 {
			sc.Go(lastly.Hook{Name: fmt.Sprint(i), Run: func(context.Context) error {
				<-start
				time.Sleep(time.Duration(i) * time.Nanosecond)
				return errOwn
			}})
		}
		close(start)
		<-sc.Closed()
		if n := len(hookErrors(sc.Close())); n != 50 {
			t.Errorf("%d of 50 failures are told", n)
		}
	})
}

// TestHoldMany: holds and releases from everywhere while the scope closes: no hook starts while one is held.
