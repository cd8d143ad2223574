package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestLateHookRunsNext: what a hook registers runs in the same flow, next. What comes after the end runs at once.
func TestLateHookRunsNext(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	sc.Defer("a", r.hook("a"))
	sc.Defer("b", func(context.Context) error {
		sc.Defer("late", r.hook("late"))
		sc.Defer("later", r.hook("later"))
		r.note("b")
		return nil
	})
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "b", "later", "late", "a")
	h := sc.Defer("too late", func(context.Context) error { r.note("too late"); return errOwn })
	r.want(t, "b", "later", "late", "a", "too late")
	if err := h.Run(context.Background()); !errors.Is(err, errOwn) {
		t.Errorf("the handle's Run returned %v", err)
	}
	if h.Cancel() {
		t.Error("cancelled what has run")
	}
	rep := sc.Report()
	if rep.Late != 1 || !errors.Is(inReport(t, rep, "too late").Err, errOwn) {
		t.Errorf("%+v", rep)
	}
}

// TestLateOrder: late hooks keep to the rule of order among each other and towards what has not started.
func TestLateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Register(lastly.Hook{Name: "log", Last: true, Run: r.hook("log")})
		sc.Register(lastly.Hook{Name: "db", Uses: lastly.Nothing, Run: r.hook("db")})
		sc.Register(lastly.Hook{Name: "slow", Uses: []string{"db"}, Run: r.sleeper("slow", 5*s)})
		sc.Register(lastly.Hook{Name: "starter", Uses: []string{"db"}, Run: func(context.Context) error {
			r.note("starter")
			sc.Register(lastly.Hook{Name: "metrics", Last: true, Run: r.hook("metrics")})
			sc.Register(lastly.Hook{Name: "beside", Uses: lastly.Nothing, Run: r.hook("beside")})
			sc.Register(lastly.Hook{Name: "cursor", Uses: []string{"db"}, Run: r.sleeper("cursor", 7*s)})
			sc.Register(lastly.Hook{Name: "after slow", Uses: []string{"slow"}, Run: r.hook("after slow")})
			return nil
		}})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		start := func(name string) time.Duration { return inReport(t, sc.Report(), name).Start }
		for name, want := range map[string]time.Duration{
			"beside": 0, "cursor": 0, "after slow": 5 * s, "db": 7 * s, "metrics": 7 * s, "log": 7 * s,
		} {
			if got := start(name); got != want {
				t.Errorf("%s started after %v, want %v", name, got, want)
			}
		}
		ran := r.names()
		if i := slices.Index(ran, "db"); !slices.Equal(ran[i:], []string{"db", "metrics", "log"}) {
			t.Errorf("ran %q", ran)
		}
	})
}

// TestLateNeverOverlaps: a late hook that uses what runs already waits for it to end.
func TestLateNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Register(lastly.Hook{Name: "other", Uses: lastly.Nothing, Run: r.sleeper("other", 2*s)})
		sc.Register(lastly.Hook{Name: "db", Uses: lastly.Nothing, Run: func(context.Context) error {
			sc.Defer("uses all", r.hook("uses all"))
			sc.Register(lastly.Hook{Name: "uses db", Uses: []string{"db"}, Run: r.hook("uses db")})
			time.Sleep(4 * s)
			return nil
		}})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		rep := sc.Report()
		if a, b := inReport(t, rep, "uses all").Start, inReport(t, rep, "uses db").Start; a != 4*s || b != 4*s {
			t.Errorf("started after %v and %v, want 4s", a, b)
		}
	})
}

// TestRegisterInEveryPhase: while holds are awaited, from the holder, from a Go, from a running hook, from a late hook, after the end:
// each runs, once. Conformance 32 (differs), 35.
func TestRegisterInEveryPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Defer("first", r.hook("first"))
		release, err := sc.Hold("work")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-sc.Context().Done()
			sc.Defer("by holder", r.hook("by holder"))
			time.Sleep(s)
			release()
		}()
		sc.Go(lastly.Hook{Name: "go", Run: func(ctx context.Context) error {
			<-ctx.Done()
			sc.Defer("by Go", func(context.Context) error {
				r.note("by Go")
				sc.Defer("by late hook", r.hook("by late hook"))
				return nil
			})
			return ctx.Err()
		}})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		sc.Defer("after the end", r.hook("after the end"))
		r.want(t, "by holder", "by Go", "by late hook", "first", "after the end")
	})
}

// TestThousandsLate: a hook may register many, and a late hook another, until the time is over: what did not run is named.
func TestThousandsLate(t *testing.T) {
	t.Run("1000", func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Defer("first", r.hook("first"))
		sc.Defer("bad", func(context.Context) error {
			for range 1000 {
				sc.Defer("late", r.hook("late"))
			}
			return nil
		})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		if n := r.count("late"); n != 1000 || r.names()[1000] != "first" {
			t.Errorf("%d of 1000 ran", n)
		}
	})
	t.Run("recursively until the time is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sc := lastly.Scope{Grace: 3 * s}
			var r recorder
			var registered atomic.Int64
			var stop atomic.Bool // a chain on a closed scope would go on for ever
			var again func(context.Context) error
			again = func(context.Context) error {
				time.Sleep(20 * time.Millisecond)
				r.note("again")
				if !stop.Load() {
					registered.Add(1)
					sc.Defer("again", again)
				}
				return nil
			}
			sc.Defer("first", r.hook("first"))
			sc.Defer("again", again)
			registered.Add(1)
			began := time.Now()
			err := sc.Close()
			wantTook(t, began, 3*s, 5*s)
			stop.Store(true)
			time.Sleep(time.Minute)
			unstarted := 0
			for _, h := range sc.Report().Hooks {
				if h.Outcome == lastly.OutcomeNotStarted && h.Name == "again" {
					unstarted++
				}
			}
			if ran := r.count("again"); ran+unstarted != int(registered.Load()) || ran < 100 {
				t.Errorf("%d of %d ran, %d are named", ran, registered.Load(), unstarted)
			}
			if h := inReport(t, sc.Report(), "first"); h.Outcome != lastly.OutcomeNotStarted && h.Outcome != lastly.OutcomeOK {
				t.Errorf("first: %v", h.Outcome)
			}
			if err == nil {
				t.Error("no error although not everything could run")
			}
		})
	})
}

// TestRegisterWhileHoldsAreGivenUp: between the end of the holds and the first hook lies the search for stacks, and Register, Cancel,
// Run and Report may come in then.
func TestRegisterWhileHoldsAreGivenUp(t *testing.T) {
	for round := range 20 {
		sc := lastly.Scope{HookTimeout: 5 * time.Millisecond, Grace: 10 * s}
		var registered, ran atomic.Int64
		var started atomic.Bool // the holds were given up
		for i := range 4 {
			if _, err := sc.Hold(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		count := func(context.Context) error { ran.Add(1); return nil }
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for more := 200; more > 0; {
					if started.Load() {
						more--
					}
					hook := lastly.Hook{Name: "x", Run: count, Timeout: 10 * s}
					switch n := registered.Add(1); {
					case round%2 == 0: // all alike
					case n%3 == 0:
						hook.Uses = lastly.Nothing
					case n%4 == 0:
						hook.Uses = []string{"x", "y"}
					case n%5 == 0:
						hook.Last = true
					}
					h := sc.Register(hook)
					if registered.Load()%3 == 0 && h.Cancel() {
						registered.Add(-1)
					}
					if registered.Load()%7 == 0 {
						if err := h.Run(context.Background()); err != nil && !errors.Is(err, lastly.ErrCanceled) {
							t.Error(err)
						}
					}
					runtime.Gosched()
				}
			})
		}
		wg.Go(func() {
			for <-sc.Context().Done(); !started.Load(); {
				release, err := sc.Hold("probe")
				started.Store(err != nil)
				release()
				_ = sc.Report()
			}
		})
		err := sc.Close()
		wg.Wait()
		named := 0
		for _, he := range hookErrors(err) {
			if he.Name != "probe" {
				named++
			}
		}
		if named != 4 {
			t.Errorf("%d errors, want those of four holds: %v", named, err)
		}
		if ran.Load() != registered.Load() {
			t.Fatalf("%d of %d ran", ran.Load(), registered.Load())
		}
	}
}

// TestLateKinds: Child, Go, Attach and Hold on a scope that closes and on one that is closed.
func TestLateKinds(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	obj := new([64]int)
	all := func(when string) {
		c := sc.Child(lastly.Hook{Name: when + " child"})
		c.Defer("in it", r.hook(when+" child"))
		sc.Go(lastly.Hook{Name: when + " Go", Run: func(ctx context.Context) error {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), lastly.ErrClosing) {
				t.Errorf("%s: cause %v", when, context.Cause(ctx))
			}
			r.note(when + " Go")
			return ctx.Err()
		}})
		lastly.Attach(&sc, obj, lastly.Hook{Name: when + " attached", Run: r.hook(when + " attached")})
	}
	sc.Defer("x", func(context.Context) error {
		all("closing")
		if release, err := sc.Hold("late"); !errors.Is(err, lastly.ErrClosing) || errors.Is(err, lastly.ErrClosed) {
			t.Error(err)
		} else {
			release()
		}
		return nil
	})
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "closing attached", "closing Go", "closing child")
	all("closed")
	r.want(t, "closing attached", "closing Go", "closing child", "closed child", "closed Go", "closed attached")
	release, err := sc.Hold("late")
	if !errors.Is(err, lastly.ErrClosed) || !errors.Is(err, lastly.ErrClosing) {
		t.Error(err)
	}
	release()
	runtime.KeepAlive(obj)
	c := sc.Child(lastly.Hook{Name: "child of a closed scope"})
	<-c.Closed()
	if c.Context().Err() == nil {
		t.Error("the child of a closed scope is open")
	}
}

// TestLateIsBounded: what is registered on a closed scope gets its time and no more, and does not hold up its caller for longer.
func TestLateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		var sc lastly.Scope
		sc.Close()
		began := time.Now()
		h := sc.Register(lastly.Hook{Name: "hangs", Timeout: 3 * s, Run: hangUntil(free)})
		wantTook(t, began, 3*s, 4*s)
		if err := h.Run(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		began = time.Now()
		h = sc.Defer("panics", func(context.Context) error { panic(errOwn) })
		if err := h.Run(context.Background()); !errors.Is(err, errOwn) {
			t.Error(err)
		}
		h = sc.Defer("goexit", func(context.Context) error { runtime.Goexit(); return nil })
		if err := h.Run(context.Background()); !errors.Is(err, lastly.ErrGoexit) {
			t.Error(err)
		}
		wantTook(t, began, 0, 0)
	})
}

// TestLastStaysLast: what a Last hook named is Last, also when that hook is gone and the order is made anew.
func TestLastStaysLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var r recorder
		sc.Defer("disk", r.hook("disk"))
		sc.Register(lastly.Hook{Name: "trace", Last: true, Run: func(context.Context) error {
			time.Sleep(2 * s)
			sc.Register(lastly.Hook{Name: "late", Uses: []string{"nobody"}, Run: r.sleeper("late", 2*s)})
			time.Sleep(s)
			r.note("trace")
			return nil
		}})
		sc.Register(lastly.Hook{Name: "log", Last: true, Uses: []string{"disk"}, Run: r.sleeper("log", s)})
		if err := sc.Close(); err != nil {
			t.Error(err)
		}
		r.want(t, "log", "late", "trace", "disk")
		if disk := inReport(t, sc.Report(), "disk"); disk.Start != 4*s {
			t.Errorf("disk started after %v, want 4s, when the late one has ended", disk.Start)
		}
	})
}
