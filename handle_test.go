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

type (
	closer    struct{ n int }
	plainFunc func()
	errFunc   func() error
	ctxFunc   func(context.Context)
	fullFunc  func(context.Context) error
)

func (c *closer) Close() error { c.n++; return errOwn }
func (c *closer) Stop()        { c.n++ }

// TestFunc takes every shape, named types and method values too. Conformance 5, 39, 48.
func TestFunc(t *testing.T) {
	n := 0
	ctx := context.WithValue(context.Background(), valueKey{}, "v")
	see := func(ctx context.Context) {
		if n++; ctx.Value(valueKey{}) != "v" {
			t.Error("another context")
		}
	}
	c := &closer{}
	for i, test := range []struct {
		f    func(context.Context) error
		want error
	}{
		{lastly.Func(func() { n++ }), nil},
		{lastly.Func(func() error { n++; return errOwn }), errOwn},
		{lastly.Func(func() error { n++; return nil }), nil},
		{lastly.Func(see), nil},
		{lastly.Func(func(ctx context.Context) error { see(ctx); return errOwn }), errOwn},
		{lastly.Func(plainFunc(func() { n++ })), nil},
		{lastly.Func(errFunc(func() error { n++; return errOwn })), errOwn},
		{lastly.Func(ctxFunc(see)), nil},
		{lastly.Func(fullFunc(func(ctx context.Context) error { see(ctx); return errOwn })), errOwn},
		{lastly.Func(context.CancelFunc(func() { n++ })), nil},
		{lastly.Func(func(f func() error) errFunc { return f }(func() error { n++; return errOwn })), errOwn},
	} {
		if err := test.f(ctx); err != test.want { //nolint:errorlint // the very error
			t.Errorf("%d: %v, want %v", i, err, test.want)
		}
		if n != i+1 {
			t.Fatalf("%d: called %d times", i, n)
		}
	}
	if lastly.Func[func()](nil) != nil || lastly.Func(errFunc(nil)) != nil || lastly.Func(fullFunc(nil)) != nil {
		t.Error("a nil function gives something")
	}

	var sc lastly.Scope
	lastly.DeferIn(&sc, "close", c.Close)
	lastly.DeferIn(&sc, "stop", c.Stop)
	err := sc.Close()
	wantErrorNames(t, err, "close")
	if c.n != 2 {
		t.Errorf("%d calls", c.n)
	}
}

// TestSameFunction registered several times runs as often, each by its own handle. Conformance 2, 3, 9, 10, 15.
func TestSameFunction(t *testing.T) {
	var sc lastly.Scope
	n := 0
	f := func(context.Context) error { n++; return nil }
	var hs []*lastly.Handle
	for range 128 {
		hs = append(hs, sc.Defer("f", f))
	}
	listed := func() int { return len(sc.Report().Hooks) }
	for i, h := range hs[:28] {
		if !h.Cancel() || h.Cancel() {
			t.Fatal("Cancel is true once")
		}
		if got := listed(); got != 127-i {
			t.Fatalf("%d are listed", got)
		}
	}
	hs[0] = sc.Defer("f", f) // again
	if got := listed(); got != 101 {
		t.Errorf("%d are listed", got)
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	if n != 101 {
		t.Errorf("%d calls", n)
	}
	if hs[0].Cancel() || hs[50].Cancel() {
		t.Error("cancelled what has run")
	}
	if err := hs[1].Run(context.Background()); !errors.Is(err, lastly.ErrCanceled) {
		t.Error(err)
	}
	var many lastly.Scope
	n = 0
	for range 100_000 {
		many.Defer("f", f)
	}
	if err := many.Close(); err != nil || n != 100_000 {
		t.Errorf("%d of 100 000 calls, %v", n, err)
	}
}

// TestCancelAll is clear. Conformance 12, 54.
func TestCancelAll(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	var hs []*lastly.Handle
	for i := range 10 {
		hs = append(hs, sc.Defer(fmt.Sprint(i), r.hook("x")))
	}
	for _, i := range []int{0, 9, 5, 4, 6, 1, 8, 2, 7, 3} { // head, tail, middle
		if !hs[i].Cancel() {
			t.Error("not cancelled")
		}
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t)
}

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

// TestOneResult: all who close get the same result. Conformance 34.
func TestOneResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		sc.Defer("x", func(context.Context) error { time.Sleep(s); return errOwn })
		errs := make(chan error)
		for i := range 64 {
			go func() {
				if i%2 == 0 {
					errs <- sc.Close()
				} else {
					errs <- sc.Shutdown(context.Background())
				}
			}()
		}
		first := <-errs
		for range 63 {
			if err := <-errs; err != first { //nolint:errorlint // the very error
				t.Errorf("%v, not %v", err, first)
			}
		}
		if !errors.Is(first, errOwn) {
			t.Error(first)
		}
	})
}
