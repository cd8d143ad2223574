package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/lastly-go/lastly"
)

// thing is big enough to be collected alone.
type thing struct {
	name string
	data [128]byte
}

//go:noinline
func newThing(name string) *thing { return &thing{name: name} }

// TestAttachCollected: the hook runs once when its object is gone, and the scope forgets it.
func TestAttachCollected(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	obj := newThing("x")
	h := lastly.Attach(&sc, obj, lastly.Hook{Name: "x", Run: r.hook("x")})
	runtime.GC()
	runtime.GC()
	r.want(t)
	if hr := sc.Report().Hooks[0]; hr.Kind != "attached" || hr.Name != "x" {
		t.Errorf("%+v", hr)
	}
	runtime.KeepAlive(obj)
	poll(t, "the hook has run", func() bool { return r.count("x") == 1 })
	poll(t, "the scope has forgotten it", func() bool { return len(sc.Report().Hooks) == 0 })
	if h.Cancel() {
		t.Error("cancelled what has run")
	}
	if err := h.Run(context.Background()); err != nil {
		t.Error(err)
	}
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "x")
}

// TestAttachNeverKeepsAlive: neither the scope, nor the handle, nor the report of a closed scope keep the object alive.
func TestAttachNeverKeepsAlive(t *testing.T) {
	for _, how := range []string{"open", "cancelled", "run", "closed", "late"} {
		t.Run(how, func(t *testing.T) {
			var sc lastly.Scope
			var r recorder
			if how == "late" {
				_ = sc.Close()
			}
			obj := newThing(how)
			w := weak.Make(obj)
			h := lastly.Attach(&sc, obj, lastly.Hook{Name: "x", Run: r.hook("x")})
			switch how {
			case "cancelled":
				if !h.Cancel() || h.Cancel() {
					t.Error("Cancel is true once")
				}
			case "run":
				if err := h.Run(context.Background()); err != nil {
					t.Error(err)
				}
			case "closed":
				if err := sc.Close(); err != nil {
					t.Error(err)
				}
			}
			runtime.KeepAlive(obj)
			obj = nil
			poll(t, "the object is collected", func() bool { return w.Value() == nil })
			want := 1
			if how == "cancelled" {
				want = 0
			}
			poll(t, "the hook has run", func() bool { return r.count("x") == want })
			runtime.GC()
			_ = sc.Close()
			if n := r.count("x"); n != want {
				t.Errorf("ran %d times, want %d", n, want)
			}
			runtime.KeepAlive(h)
		})
	}
}

// TestAttachClose: closing runs it once, in its place; the collection later does not.
func TestAttachClose(t *testing.T) { // conformance 56
	var sc lastly.Scope
	var r recorder
	a, b := newThing("a"), newThing("b")
	lastly.Attach(&sc, a, lastly.Hook{Name: "a", Run: r.hook("a")})
	sc.Defer("between", r.hook("between"))
	lastly.Attach(&sc, b, lastly.Hook{Name: "b", Run: func(context.Context) error { r.note("b"); return errOwn }})
	err := sc.Close()
	wantErrorNames(t, err, "b")
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	wa, wb := weak.Make(a), weak.Make(b)
	a, b = nil, nil
	poll(t, "both are collected", func() bool { return wa.Value() == nil && wb.Value() == nil })
	runtime.GC()
	r.want(t, "b", "between", "a")
}

// TestAttachFails at a collection: logged, and part of what Close returns; a panic too.
func TestAttachFails(t *testing.T) {
	lh := &handler{}
	sc := lastly.Scope{Logger: slog.New(lh)}
	lastly.Attach(&sc, newThing("a"), lastly.Hook{Name: "a", Run: failWith(errOwn)})
	poll(t, "a has run", func() bool { return len(sc.Report().Hooks) == 0 })
	lastly.Attach(&sc, newThing("b"), lastly.Hook{Name: "b", Run: func(context.Context) error { panic("boom") }})
	poll(t, "b has run", func() bool { return len(sc.Report().Hooks) == 0 })
	poll(t, "both are logged", func() bool { return strings.Count(lh.text(), "hook failed") == 2 })
	var err error
	poll(t, "both are told", func() bool {
		err = sc.Close()
		return true
	})
	wantErrorNames(t, err, "a", "b")
	var p *lastly.PanicError
	if !errors.Is(err, errOwn) || !errors.As(err, &p) {
		t.Error(err)
	}
}

var global [4]int

// TestAttachOddObjects: what is never collected, shares its memory or has none: no crash, and the close runs the hooks once.
func TestAttachOddObjects(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	slice := make([]thing, 8)
	lastly.Attach(&sc, &global, lastly.Hook{Name: "global", Run: r.hook("global")})
	lastly.Attach(&sc, &struct{}{}, lastly.Hook{Name: "empty", Run: r.hook("empty")})
	lastly.Attach(&sc, &slice[3], lastly.Hook{Name: "in a slice", Run: r.hook("in a slice")})
	lastly.Attach(&sc, &slice[3].data[7], lastly.Hook{Name: "in a field", Run: r.hook("in a field")})
	lastly.Attach(&sc, new(byte), lastly.Hook{Name: "tiny", Run: r.hook("tiny")})
	runtime.GC()
	runtime.KeepAlive(slice)
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	poll(t, "all have run", func() bool { return len(r.names()) >= 5 })
	for _, name := range []string{"global", "empty", "in a slice", "in a field", "tiny"} {
		if n := r.count(name); n != 1 {
			t.Errorf("%q ran %d times", name, n)
		}
	}
}

// TestAttachByHandle: run early, by hand; then the collection does nothing.
func TestAttachByHandle(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	obj := newThing("x")
	h := lastly.Attach(&sc, obj, lastly.Hook{Name: "x", Run: func(context.Context) error { r.note("x"); return errOwn }})
	for range 2 {
		if err := h.Run(context.Background()); !errors.Is(err, errOwn) {
			t.Error(err)
		}
	}
	runtime.KeepAlive(obj)
	w := weak.Make(obj)
	obj = nil
	poll(t, "it is collected", func() bool { return w.Value() == nil })
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	r.want(t, "x")
}

// TestAttachWhileClosing: objects are made, dropped, cancelled and collected while the scope closes: each hook runs exactly once
// unless it was cancelled. Conformance 58.
func TestAttachWhileClosing(t *testing.T) {
	for range 10 {
		var sc lastly.Scope
		const workers, each = 8, 50
		runs := make([]atomic.Int32, workers*each)
		var cancelled sync.Map
		attach := func(i int) {
			obj := newThing(fmt.Sprint(i))
			h := lastly.Attach(&sc, obj, lastly.Hook{Name: "x", Uses: lastly.Nothing, Run: func(context.Context) error {
				runs[i].Add(1)
				return nil
			}})
			switch i % 5 {
			case 0:
				if h.Cancel() {
					cancelled.Store(i, true)
				}
			case 1:
				if err := h.Run(context.Background()); err != nil {
					t.Error(err)
				}
			}
			runtime.KeepAlive(obj)
		}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for k := range each {
					attach(w*each + k)
					if k == each/2 && w == 0 {
						go func() { _ = sc.Close() }()
					}
				}
			})
		}
		wg.Go(func() {
			for range 5 {
				runtime.GC()
			}
		})
		wg.Wait()
		if err := sc.Close(); err != nil {
			t.Fatal(err)
		}
		poll(t, "all have run", func() bool {
			for i := range runs {
				if _, not := cancelled.Load(i); !not && runs[i].Load() == 0 {
					return false
				}
			}
			return true
		})
		for i := range runs {
			_, not := cancelled.Load(i)
			if n := runs[i].Load(); n > 1 || not && n > 0 {
				t.Fatalf("hook %d ran %d times, cancelled: %v", i, n, not)
			}
		}
	}
}

// TestAttachSucceeds: hooks that the garbage collector ran well leave the exit code alone.
func TestAttachSucceeds(t *testing.T) {
	code := silent().Run(t.Context(), func(context.Context) error {
		var ran atomic.Int64
		const things = 20
		for range things {
			lastly.Attach(lastly.Process(), newThing("x"), lastly.Hook{Run: func(context.Context) error { ran.Add(1); return nil }})
		}
		poll(t, "all are collected", func() bool { return ran.Load() == things })
		return nil
	})
	if code != 0 {
		t.Errorf("code %d, want 0", code)
	}
}
