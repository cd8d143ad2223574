package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

type valueKey struct{}

// TestShutdownContext: whatever the context given to Shutdown does, every hook starts with time of its own.
func TestShutdownContext(t *testing.T) {
	background := context.WithValue(context.Background(), valueKey{}, "v")
	for _, test := range []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc)
		most time.Duration
	}{
		{"cancelled before", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(background)
			cancel()
			return ctx, cancel
		}, 2 * s},
		{"deadline over", func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(background, time.Now().Add(-time.Hour))
		}, 2 * s},
		{"deadline", func() (context.Context, context.CancelFunc) { return context.WithTimeout(background, 4*s) }, 6 * s},
		{"cancelled in the middle", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(background)
			time.AfterFunc(4*s, cancel)
			return ctx, cancel
		}, 6 * s},
		{"longer than the grace", func() (context.Context, context.CancelFunc) { return context.WithTimeout(background, time.Hour) }, 27 * s},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := test.ctx()
				defer cancel()
				var sc lastly.Scope
				var r recorder
				for i := range 10 {
					sc.Defer(fmt.Sprint(i), func(hctx context.Context) error {
						if hctx.Err() != nil {
							t.Errorf("hook %d starts with %v", i, hctx.Err())
						}
						if hctx.Value(valueKey{}) != "v" {
							t.Errorf("hook %d has value %v", i, hctx.Value(valueKey{}))
						}
						r.note(fmt.Sprint(i))
						return untilDone(hctx)
					})
				}
				began := time.Now()
				err := sc.Shutdown(ctx)
				wantTook(t, began, 0, test.most)
				wantErrorNames(t, err, "9", "8", "7", "6", "5", "4", "3", "2", "1", "0")
				r.want(t, "9", "8", "7", "6", "5", "4", "3", "2", "1", "0")
			})
		})
	}
}

// TestContextsDoNotEndWithIt: the end of Shutdown's context moves the hooks' deadlines; it does not end their contexts.
func TestContextsDoNotEndWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		ctx, cancel := context.WithCancel(context.Background())
		began := time.Now()
		sc.Defer("it", func(hctx context.Context) error {
			derived, stop := context.WithCancel(hctx)
			defer stop()
			cancel()
			synctest.Wait()
			if hctx.Err() != nil || derived.Err() != nil {
				t.Error("the hook's context has ended with Shutdown's")
			}
			d, _ := hctx.Deadline()
			if left := time.Until(d); left <= 0 || left > 2*s {
				t.Errorf("the deadline is in %v, want it within the reserve", left)
			}
			<-derived.Done()
			if time.Now().Before(d) {
				t.Errorf("ended %v before its deadline", time.Until(d))
			}
			if cause := context.Cause(hctx); !errors.Is(cause, context.DeadlineExceeded) {
				t.Errorf("its cause is %v", cause)
			}
			return nil
		})
		err := sc.Shutdown(ctx)
		wantErrorNames(t, err, "it")
		wantTook(t, began, 500*time.Millisecond, 2*s)
	})
}

// TestContextEndsWithItsHook, so that what it started with it ends too, whether it was looked at before or not.
func TestContextEndsWithItsHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var looked, unlooked context.Context
		stopped := false
		sc.Defer("after", func(context.Context) error {
			synctest.Wait()
			if !stopped || looked.Err() == nil || unlooked.Err() == nil {
				t.Errorf("stopped %v, %v, %v", stopped, looked.Err(), unlooked.Err())
			}
			return nil
		})
		sc.Defer("does not look", func(ctx context.Context) error { unlooked = ctx; return nil })
		sc.Defer("looks", func(ctx context.Context) error {
			looked = ctx
			go func() {
				<-ctx.Done()
				stopped = true
			}()
			synctest.Wait()
			return nil
		})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestLaterCloser: its context bounds its own wait and nothing else.
func TestLaterCloser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Defer("slow", func(ctx context.Context) error {
			time.Sleep(5 * s)
			return ctx.Err()
		})
		began := time.Now()
		first := make(chan error)
		go func() { first <- sc.Close() }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), s)
		defer cancel()
		if err := sc.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still closing") {
			t.Error(err)
		}
		wantTook(t, began, s, s)
		cancelled, stop := context.WithCancel(context.Background())
		stop()
		if err := sc.Shutdown(cancelled); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		sc.Defer("late", r.hook("late"))
		if err := <-first; err != nil {
			t.Error(err)
		}
		wantTook(t, began, 5*s, 5*s)
		if err := sc.Shutdown(cancelled); err != nil {
			t.Errorf("a closed scope's result is there, whatever the context: %v", err)
		}
		r.want(t, "late")
	})
}

// TestThousandHang: each is started, abandoned and named, within grace and reserve. Conformance 63, 64.
func TestThousandHang(t *testing.T) {
	for name, uses := range map[string][]string{"LIFO": nil, "Nothing": lastly.Nothing} {
		for _, hurried := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, hurried %v", name, hurried), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					free := make(chan struct{})
					defer close(free)
					var sc lastly.Scope
					for i := range 1000 {
						sc.Register(lastly.Hook{Name: fmt.Sprint(i), Uses: uses, Run: hangUntil(free)})
					}
					ctx, cancel := context.WithCancel(context.Background())
					most := 27 * s
					if hurried {
						time.AfterFunc(s, cancel)
						most = 3 * s
					}
					defer cancel()
					began := time.Now()
					err := sc.Shutdown(ctx)
					wantTook(t, began, 0, most)
					if n := len(hookErrors(err)); n != 1000 {
						t.Errorf("%d errors", n)
					}
					for _, h := range sc.Report().Hooks {
						if h.Outcome != lastly.OutcomeAbandoned || !strings.Contains(h.Stack, "hangUntil") {
							t.Fatalf("hook %s: %s, stack %q", h.Name, h.Outcome, h.Stack)
						}
					}
				})
			})
		}
	}
}

// TestAbandoned is reported with its name, site, time and stack; what it does later changes nothing.
func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var sc lastly.Scope
		var r recorder
		sc.Defer("first", r.hook("first"))
		site := siteHere(1)
		sc.Register(lastly.Hook{Name: "hangs", Timeout: s, Run: func(ctx context.Context) error {
			<-free
			if ctx.Err() == nil {
				t.Error("abandoned with a live context")
			}
			return errOwn
		}})
		err := sc.Close()
		before := err.Error()
		var he *lastly.HookError
		var te *lastly.TimeoutError
		if !errors.As(err, &he) || he.Name != "hangs" || he.Site != site {
			t.Errorf("%v, want site %s", err, site)
		}
		if !errors.As(err, &te) || !te.Abandoned || !te.Timeout() || te.After < s || !strings.Contains(string(te.Stack), "TestAbandoned") {
			t.Errorf("%+v", te)
		}
		close(free)
		synctest.Wait()
		if again := sc.Close(); again.Error() != before || errors.Is(again, errOwn) {
			t.Errorf("then %v", again)
		}
		if o := inReport(t, sc.Report(), "hangs").Outcome; o != lastly.OutcomeAbandoned {
			t.Error(o)
		}
		r.want(t, "first")
	})
}

// TestLateSuccessIsNone: nil after the deadline is a timeout all the same.
func TestLateSuccessIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		h := sc.Register(lastly.Hook{Name: "late", Timeout: s, Run: func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}})
		err := sc.Close()
		var te *lastly.TimeoutError
		if !errors.As(err, &te) || te.Abandoned || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := h.Run(context.Background()); !errors.As(err, &te) {
			t.Errorf("the handle says %v", err)
		}
		if o := inReport(t, sc.Report(), "late").Outcome; o != lastly.OutcomeTimedOut {
			t.Error(o)
		}
	})
}

// TestPreStop: a delay before the other hooks is a hook that uses them. Conformance 66.
func TestPreStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Defer("handler", r.hook("handler"))
		sc.Defer("drain delay", func(ctx context.Context) error {
			select {
			case <-time.After(s):
			case <-ctx.Done():
			}
			return nil
		})
		done := make(chan error)
		go func() { done <- sc.Close() }()
		time.Sleep(500 * time.Millisecond)
		r.want(t)
		time.Sleep(s)
		r.want(t, "handler")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
