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

// TestRunEarly: once, whoever asks; the result is kept; the scope forgets it. Conformance 53.
func TestRunEarly(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	sc.Defer("first", r.hook("first"))
	h := sc.Defer("early", func(context.Context) error { r.note("early"); return errOwn })
	sc.Defer("last", r.hook("last"))
	for range 3 {
		if err := h.Run(context.Background()); !errors.Is(err, errOwn) {
			t.Error(err)
		}
	}
	if h.Cancel() {
		t.Error("cancelled what has run")
	}
	if n := len(sc.Report().Hooks); n != 2 {
		t.Errorf("%d are listed", n)
	}
	if err := sc.Close(); err != nil {
		t.Errorf("its error is the caller's: %v", err)
	}
	if err := h.Run(context.Background()); !errors.Is(err, errOwn) {
		t.Error(err)
	}
	r.want(t, "early", "last", "first")

	var zero lastly.Handle
	if zero.Cancel() || !errors.Is(zero.Run(context.Background()), lastly.ErrCanceled) {
		t.Error("the zero Handle stands for something")
	}
}

// TestRunEarlyBounds: the context that starts a hook bounds it, a later one only its own wait.
func TestRunEarlyBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		h := sc.Defer("slow", untilDone)
		began := time.Now()
		first := make(chan error)
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), valueKey{}, "v"))
		go func() { first <- h.Run(ctx) }()
		synctest.Wait()
		short, stop := context.WithTimeout(context.Background(), s)
		defer stop()
		if err := h.Run(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wantTook(t, began, s, s)
		cancel()
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wantTook(t, began, s, 3*s)

		deadline, stop2 := context.WithTimeout(ctx, 3*s)
		defer stop2()
		began = time.Now()
		free := make(chan struct{})
		defer close(free)
		if err := sc.Defer("hangs", hangUntil(free)).Run(deadline); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wantTook(t, began, 0, 2*s)
		began = time.Now()
		if err := sc.Defer("hangs", hangUntil(free)).Run(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wantTook(t, began, 10*s, 11*s)
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRunEarlyWithEndedContext: it hurries the hook, it does not take all of its time.
func TestRunEarlyWithEndedContext(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, closing := range []bool{false, true} {
		t.Run(fmt.Sprintf("closing: %v", closing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sc lastly.Scope
				h := sc.Defer("early", func(ctx context.Context) error {
					synctest.Wait()
					if d, _ := ctx.Deadline(); time.Until(d) < 100*time.Millisecond || time.Until(d) > 2*s {
						t.Errorf("it has %v", time.Until(d))
					}
					return ctx.Err()
				})
				run := func(context.Context) error { return h.Run(ended) }
				if closing {
					sc.Defer("runs it", run)
				} else if err := run(ended); err != nil {
					t.Error(err)
				}
				if err := sc.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestRunEarlyValues: the context's values reach the hook.
func TestRunEarlyValues(t *testing.T) {
	var sc lastly.Scope
	h := sc.Defer("x", func(ctx context.Context) error {
		if ctx.Value(valueKey{}) != "v" {
			t.Errorf("value %v", ctx.Value(valueKey{}))
		}
		return nil
	})
	if err := h.Run(context.WithValue(context.Background(), valueKey{}, "v")); err != nil {
		t.Error(err)
	}
}

// TestEarlyRunKeepsTheOrder: what an early run uses waits for it when the scope closes in the meantime.
func TestEarlyRunKeepsTheOrder(t *testing.T) {
	for name, test := range map[string]struct{ early, other lastly.Hook }{
		"LIFO":  {},
		"names": {early: lastly.Hook{Uses: []string{"db"}}, other: lastly.Hook{Uses: lastly.Nothing}},
		"Last":  {early: lastly.Hook{Uses: lastly.Nothing}, other: lastly.Hook{Last: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sc lastly.Scope
				var r recorder
				other, early := test.other, test.early
				other.Name, other.Run = "db", r.hook("db")
				early.Name, early.Run = "early", func(context.Context) error {
					time.Sleep(s)
					r.note("early")
					return errOwn
				}
				sc.Register(other)
				h := sc.Register(early)
				got := make(chan error)
				go func() { got <- h.Run(context.Background()) }()
				synctest.Wait()
				if o := inReport(t, sc.Report(), "early").Outcome; o != lastly.OutcomeRunning {
					t.Error(o)
				}
				err := sc.Close()
				wantErrorNames(t, err, "early") // Close waited for it, so it tells
				if err := <-got; !errors.Is(err, errOwn) {
					t.Error(err)
				}
				r.want(t, "early", "db")
			})
		})
	}
}

// TestOnce: 64 callers of Run, Cancel and Close at once: the hook runs at most once, and everybody hears the same.
func TestOnce(t *testing.T) {
	for round := range 200 {
		var sc lastly.Scope
		var r recorder
		h := sc.Defer("x", func(context.Context) error { r.note("x"); return errOwn })
		var wg sync.WaitGroup
		var mu sync.Mutex
		cancelled := 0
		for i := range 64 {
			wg.Go(func() {
				switch (i + round) % 3 {
				case 0:
					if err := h.Run(context.Background()); !errors.Is(err, errOwn) && !errors.Is(err, lastly.ErrCanceled) {
						t.Errorf("Run: %v", err)
					}
				case 1:
					_ = sc.Close()
				default:
					if round%2 == 0 && h.Cancel() {
						mu.Lock()
						cancelled++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if ran := r.count("x"); ran+cancelled != 1 {
			t.Fatalf("ran %d times, cancelled %d times", ran, cancelled)
		}
	}
}
