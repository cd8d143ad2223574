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

type (
	closer    struct{ n int }
	plainFunc func()
	errFunc   func() error
	ctxFunc   func(context.Context)
	fullFunc  func(context.Context) error
)

func (c *closer) Close() error { c.n++; return errOwn }

func (c *closer) Stop() { c.n++ }

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
	many := lastly.Scope{Grace: time.Hour} // however slow the machine is
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

// TestCancelWhileClosing: what is cancelled does not run, and what it stood between keeps its order.
func TestCancelWhileClosing(t *testing.T) {
	for _, specs := range []string{"db gone user", "db gone:db user:gone", "db:- gone:db user:db,gone", "!db:- gone:- user:-"} {
		t.Run(specs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sc lastly.Scope
				var r recorder
				var gone *lastly.Handle
				for _, spec := range strings.Split(specs, " ") {
					h, _ := parseHook(spec)
					switch h.Name {
					case "user":
						h.Run = func(context.Context) error {
							wanted := !strings.HasPrefix(specs, "!") // else gone has started too
							if gone.Cancel() != wanted || gone.Cancel() {
								t.Error("Cancel is true once, for what has not started")
							}
							time.Sleep(s)
							r.note("user")
							return nil
						}
						sc.Register(h)
					case "gone":
						h.Run = func(context.Context) error { return nil }
						gone = sc.Register(h)
					default:
						h.Run = r.hook(h.Name)
						sc.Register(h)
					}
				}
				if err := sc.Close(); err != nil {
					t.Error(err)
				}
				r.want(t, "user", "db")
				if o := inReport(t, sc.Report(), "gone").Outcome; o != lastly.OutcomeCanceled && !strings.HasPrefix(specs, "!") {
					t.Errorf("outcome %q", o)
				}
			})
		})
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
