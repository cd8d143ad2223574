package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestErrorsInTheirOrder: joined in the order in which they happened, not in that of registration or start.
func TestErrorsInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		var sc lastly.Scope
		obj := new([64]int)
		after := func(d time.Duration, err error) func(context.Context) error {
			return func(context.Context) error { time.Sleep(d); return err }
		}
		add := func(name string, run func(context.Context) error) {
			sc.Register(lastly.Hook{Name: name, Uses: lastly.Nothing, Timeout: 6 * s, Run: run})
		}
		if _, err := sc.Hold("hold"); err != nil {
			t.Fatal(err)
		}
		add("third", after(3*s, errOwn))
		add("first", after(1*s, errOwn))
		add("hangs", hangUntil(free)) // abandoned after 6.5 s
		add("second", after(2*s, errOwn))
		add("fine", after(2*s, nil))
		add("late", after(6*s+s/5, errOwn))
		lastly.Attach(&sc, obj, lastly.Hook{Name: "attached", Uses: lastly.Nothing, Run: after(4*s, errOwn)})
		c := sc.Child(lastly.Hook{Name: "child", Uses: lastly.Nothing})
		c.Defer("in child", after(5*s, errOwn))
		sc.Go(lastly.Hook{Name: "go", Uses: lastly.Nothing, Run: func(ctx context.Context) error {
			<-ctx.Done()
			return after(s/2, errOwn)(ctx)
		}})
		err := sc.Close()
		wantErrorNames(t, err, "hold", "go", "first", "second", "third", "attached", "child", "in child", "late", "hangs")
	})
}

// TestErrorsUnwrap: errors.Is and As find what is inside, by whatever way it failed.
func TestErrorsUnwrap(t *testing.T) {
	_, notExist := os.Open("/nowhere/at/all")
	var sc lastly.Scope
	child := sc.Child(lastly.Hook{Name: "child"})
	child.Defer("file", failWith(fmt.Errorf("closing the log: %w", notExist)))
	sc.Defer("panic", func(context.Context) error { panic(fmt.Errorf("wrapped: %w", io.ErrUnexpectedEOF)) })
	sc.Register(lastly.Hook{Name: "soft", BestEffort: true, Run: failWith(errOwn)})
	err := sc.Close()
	for _, want := range []error{fs.ErrNotExist, io.ErrUnexpectedEOF, errOwn} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not found in %v", want, err)
		}
	}
	var pe *fs.PathError
	if !errors.As(err, &pe) || pe.Path != "/nowhere/at/all" {
		t.Error(pe)
	}
	he := hookErrors(err)
	wantErrorNames(t, err, "soft", "panic", "child", "file")
	for _, e := range he {
		if e.BestEffort != (e.Name == "soft") {
			t.Errorf("%s: BestEffort %v", e.Name, e.BestEffort)
		}
	}
	if errors.Is(err, lastly.ErrClosing) || errors.Is(err, context.DeadlineExceeded) {
		t.Error("finds what is not there")
	}
}

// TestErrorTexts say what failed, on what, where, and what to do.
func TestErrorTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		texts := func(grace time.Duration, hooks ...lastly.Hook) string {
			sc := lastly.Scope{Grace: grace}
			for _, h := range hooks {
				sc.Register(h)
			}
			return shortSites(sc.Close().Error())
		}
		for _, test := range []struct {
			got   string
			wants []string
		}{
			{texts(0, lastly.Hook{Name: "db", Run: failWith(errOwn)}), []string{`lastly: hook "db" (errors_test.go:`, `): my own failure`}},
			{texts(0, lastly.Hook{Name: "db", Run: func(context.Context) error { panic("boom") }}), []string{`"db"`, "panic: boom"}},
			{texts(0, lastly.Hook{Name: "db", Timeout: s, Run: hangUntil(free)}), []string{`"db"`, "abandoned after 1.5s", "still running"}},
			{texts(0, lastly.Hook{Name: "db", Timeout: s, Run: untilDone}), []string{`"db"`, "timed out", "1s"}},
			{texts(0, lastly.Hook{Name: "a\x1b[31m\nb", Run: failWith(errOwn)}), []string{`"a\x1b[31m\nb"`}},
		} {
			for _, want := range test.wants {
				if !strings.Contains(test.got, want) {
					t.Errorf("%q lacks %q", test.got, want)
				}
			}
		}
		if !errors.Is(lastly.ErrClosed, lastly.ErrClosing) || errors.Is(lastly.ErrClosing, lastly.ErrClosed) {
			t.Error("ErrClosed is a kind of ErrClosing, not the other way round")
		}
	})
}

// starve closes sc with a hook that hangs until the very end of the flow, so that what late registers has no turn any more.
func starve(sc *lastly.Scope, late func()) error {
	free := make(chan struct{})
	defer close(free)
	sc.Defer("hangs", func(ctx context.Context) error {
		<-ctx.Done() // from here on, the time left is its own, for it was the only one
		late()
		<-free
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(s, cancel)
	return sc.Shutdown(ctx)
}

// TestNotStarted: what had no turn is named, with ErrNotStarted, and can go.
func TestNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		handle := make(chan *lastly.Handle, 1)
		use, w := capture("late")
		began := time.Now()
		err := starve(&sc, func() {
			run := func() { use(); r.note("late") }
			handle <- sc.Register(lastly.Hook{Name: "late", Uses: []string{"hangs", "nobody"}, Run: lastly.Func(run)})
		})
		h := <-handle
		wantTook(t, began, 3*s, 3*s)
		wantErrorNames(t, err, "hangs", "late")
		r.want(t)
		if o := inReport(t, sc.Report(), "late").Outcome; o != lastly.OutcomeNotStarted || !errors.Is(err, lastly.ErrNotStarted) {
			t.Error(o, err)
		}
		if err := h.Run(context.Background()); !errors.Is(err, lastly.ErrNotStarted) {
			t.Errorf("the handle's Run: %v", err)
		}
		if h.Cancel() {
			t.Error("cancelled what is gone")
		}
		if err := sc.Check(); err != nil {
			t.Errorf("it is registered still: %v", err)
		}
		poll(t, "what a hook that did not start captured is collected", func() bool { return w.Value() == nil })
		runtime.KeepAlive(h)
	})
}

// TestFirstErrorStays: a slow hook does not replace the real error of an earlier one, as peers do.
func TestFirstErrorStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := lastly.Scope{Grace: 2 * s}
		sc.Defer("slow", untilDone)
		sc.Defer("fails", failWith(errOwn))
		err := sc.Close()
		wantErrorNames(t, err, "fails", "slow")
		if !errors.Is(err, errOwn) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
