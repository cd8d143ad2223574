package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/lastly-go/lastly"
)

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMillionCancelled: a million register+cancel leave the heap as it was.
func TestMillionCancelled(t *testing.T) {
	const n = 1_000_000
	var sc lastly.Scope
	var r recorder
	sc.Defer("first", r.hook("first"))
	base := heap()
	for i := range n {
		h := sc.Register(lastly.Hook{Name: "x", Uses: []string{"first"}, Run: func(context.Context) error {
			r.note(fmt.Sprint(i))
			return nil
		}})
		if !h.Cancel() {
			t.Fatal("not cancelled")
		}
	}
	if now := heap(); now > base+256<<10 {
		t.Errorf("the heap grew from %d to %d", base, now)
	}
	runtime.KeepAlive(&sc)
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "first")
}

// TestManyScopesPerRequest: a child made and closed for each request, with hooks, a Go and a hold, leaves nothing in its parent.
func TestManyScopesPerRequest(t *testing.T) {
	const n = 20_000
	var sc lastly.Scope
	run := func(context.Context) error { return nil }
	request := func(fails bool) {
		c := sc.Child(lastly.Hook{Name: "request"})
		c.Defer("a", run)
		c.Defer("b", run)
		h := c.Go(lastly.Hook{Name: "worker", Run: untilDone})
		release, err := c.Hold("work")
		if err != nil {
			t.Fatal(err)
		}
		release()
		if fails {
			c.Defer("c", failWith(errOwn))
		} else if err := h.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); errors.Is(err, errOwn) != fails {
			t.Fatal(err)
		}
	}
	for range 100 {
		request(true)
	}
	base := heap()
	for i := range n {
		request(i%2 == 0)
	}
	if now := heap(); now > base+256<<10 {
		t.Errorf("the heap grew from %d to %d", base, now)
	}
	if n := len(sc.Report().Hooks); n != 0 {
		t.Errorf("%d hooks are left", n)
	}
	if err := sc.Close(); err != nil {
		t.Errorf("a request's errors are its own: %v", err)
	}
}

// TestManyGoEnded: those that ended with nil, and hooks that were run early, leave nothing.
func TestManyGoEnded(t *testing.T) {
	var sc lastly.Scope
	one := func() {
		h := sc.Go(lastly.Hook{Name: "x", Run: func(context.Context) error { return nil }})
		if err := h.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := sc.Defer("x", failWith(errOwn)).Run(context.Background()); !errors.Is(err, errOwn) {
			t.Fatal(err)
		}
	}
	for range 100 {
		one()
	}
	base := heap()
	for range 20_000 {
		one()
	}
	poll(t, "all are forgotten", func() bool { return len(sc.Report().Hooks) == 0 })
	if now := heap(); now > base+256<<10 {
		t.Errorf("the heap grew from %d to %d", base, now)
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
}

// TestLateLeavesLittle: what is registered on a closed scope is counted, not kept.
func TestLateLeavesLittle(t *testing.T) {
	var sc lastly.Scope
	sc.Defer("x", func(context.Context) error { return nil })
	_ = sc.Close()
	late := func(n int) {
		for range n {
			big := make([]byte, 1<<10)
			sc.Defer("late", func(context.Context) error { big[0]++; return nil })
		}
	}
	late(1000)
	base := heap()
	late(20_000)
	if now := heap(); now > base+256<<10 {
		t.Errorf("the heap grew from %d to %d", base, now)
	}
	rep := sc.Report()
	if rep.Late != 21_000 || len(rep.Hooks) > 1000 {
		t.Errorf("%d late, %d listed", rep.Late, len(rep.Hooks))
	}
}

// capture returns a function that keeps something alive, and what tells whether it does. It is a function of its own so that
// nothing else does.
//
//go:noinline
func capture(name string) (func(), weak.Pointer[thing]) {
	captured := newThing(name)
	return func() { captured.data[0]++ }, weak.Make(captured)
}

// TestClosedChildIsFreed: a scope keeps nothing of a child that was closed by itself.
func TestClosedChildIsFreed(t *testing.T) {
	var parent lastly.Scope
	closed := func() weak.Pointer[lastly.Scope] {
		child := parent.Child(lastly.Hook{Name: "child"})
		child.Defer("fails", failWith(errOwn))
		_ = child.Close()
		return weak.Make(child)
	}
	w := closed()
	poll(t, "the closed child is collected", func() bool { return w.Value() == nil })
	if err := parent.Close(); err != nil {
		t.Error(err)
	}
}

// TestScopeClosedByGoIsFreed: neither does a goroutine of its own that closes others, and runs their hooks early.
func TestScopeClosedByGoIsFreed(t *testing.T) {
	var sc lastly.Scope
	closed, ran := make(chan weak.Pointer[lastly.Scope], 2), make(chan weak.Pointer[lastly.Handle], 2)
	sc.Go(lastly.Hook{Name: "worker", Run: func(ctx context.Context) error {
		request := new(lastly.Scope)
		h := request.Defer("run early", nop)
		ran <- weak.Make(h)
		closed <- weak.Make(request)
		err := errors.Join(h.Run(ctx), h.Run(ctx), request.Close(), request.Close())
		request, h = nil, nil
		<-ctx.Done()
		return err
	}})
	w, h := <-closed, <-ran
	poll(t, "the scope that it closed is collected", func() bool { return w.Value() == nil && h.Value() == nil })
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
}

// TestClosuresAreFreed: what a hook captured can go once the hook is cancelled, has run, or was given up before it started, even
// while handle and scope are kept.
func TestClosuresAreFreed(t *testing.T) {
	for name, test := range map[string]func(sc *lastly.Scope, use func()) any{
		"cancelled": func(sc *lastly.Scope, use func()) any {
			h := lastly.DeferIn(sc, "x", use)
			h.Cancel()
			return h
		},
		"run early": func(sc *lastly.Scope, use func()) any {
			h := lastly.DeferIn(sc, "x", use)
			_ = h.Run(context.Background())
			return h
		},
		"closed": func(sc *lastly.Scope, use func()) any {
			h := lastly.DeferIn(sc, "x", use)
			_ = sc.Close()
			return h
		},
		"closed, with an order": func(sc *lastly.Scope, use func()) any {
			h := sc.Register(lastly.Hook{Name: "x", Uses: []string{"y"}, Run: lastly.Func(use)})
			sc.Register(lastly.Hook{Name: "y", Last: true, Run: lastly.Func(use)})
			_ = sc.Close()
			return h
		},
		"cancelled while closing": func(sc *lastly.Scope, use func()) any {
			h := lastly.DeferIn(sc, "x", use)
			sc.Defer("y", func(context.Context) error { h.Cancel(); return nil })
			_ = sc.Close()
			return h
		},
		"late": func(sc *lastly.Scope, use func()) any {
			_ = sc.Close()
			return lastly.DeferIn(sc, "x", use)
		},
		"Go that ended": func(sc *lastly.Scope, use func()) any {
			h := sc.Go(lastly.Hook{Name: "x", Run: lastly.Func(use)})
			for len(sc.Report().Hooks) > 0 {
				runtime.Gosched()
			}
			return h
		},
		"Go that was stopped": func(sc *lastly.Scope, use func()) any {
			h := sc.Go(lastly.Hook{Name: "x", Run: func(ctx context.Context) error { <-ctx.Done(); use(); return nil }})
			_ = sc.Close()
			return h
		},
		"child": func(sc *lastly.Scope, use func()) any {
			c := sc.Child(lastly.Hook{Name: "child"})
			lastly.DeferIn(c, "x", use)
			_ = sc.Close()
			return c
		},
		"attached": func(sc *lastly.Scope, use func()) any {
			obj := newThing("x")
			h := lastly.Attach(sc, obj, lastly.Hook{Name: "x", Run: lastly.Func(use)})
			_ = sc.Close()
			runtime.KeepAlive(obj)
			return h
		},
	} {
		t.Run(name, func(t *testing.T) {
			var sc lastly.Scope
			use, w := capture(name)
			kept := test(&sc, use)
			use = nil
			poll(t, "what the hook captured is collected", func() bool { return w.Value() == nil })
			runtime.KeepAlive(kept)
			runtime.KeepAlive(&sc)
			_ = sc.Report()
		})
	}
}

// TestManyAttachedToOne: hooks that were attached to an object that lives on, and were cancelled or run, leave nothing at it.
func TestManyAttachedToOne(t *testing.T) {
	var sc lastly.Scope
	obj := newThing("x")
	one := func(i int) {
		h := lastly.Attach(&sc, obj, lastly.Hook{Name: "x", Run: func(context.Context) error { return nil }})
		if i%2 == 0 {
			h.Cancel()
		} else if err := h.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		one(i)
	}
	base := heap()
	for i := range 20_000 {
		one(i)
	}
	if now := heap(); now > base+256<<10 {
		t.Errorf("the heap grew from %d to %d", base, now)
	}
	runtime.KeepAlive(obj)
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
}
