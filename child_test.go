package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestEmptyScope: nothing to do. Conformance 37.
func TestEmptyScope(t *testing.T) {
	var sc lastly.Scope
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	<-sc.Closed()
	if err := sc.Close(); err != nil {
		t.Error(err)
	}
	if err := (&lastly.Scope{}).Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestChild closes as one hook of its parent, before the parent's Close returns, with the parent's cause. Conformance 50, 51a.
func TestChild(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	sc.Defer("a", r.hook("a"))
	early := sc.Child(lastly.Hook{Name: "early"})
	early.Defer("in early", r.hook("in early"))
	late := sc.Child(lastly.Hook{Name: "late"})
	late.Defer("in late 1", r.hook("in late 1"))
	late.Defer("in late 2", func(context.Context) error { r.note("in late 2"); return errOwn })
	sc.Defer("b", func(context.Context) error {
		if late.Context().Err() != nil {
			t.Error("a child's context ends when its own closing begins")
		}
		r.note("b")
		return nil
	})
	if err := early.Close(); err != nil { // by itself: the rest goes on
		t.Error(err)
	}
	if sc.Context().Err() != nil || late.Context().Err() != nil || len(sc.Report().Hooks) != 3 {
		t.Errorf("closing a child touches others:\n%v", sc.Report())
	}
	err := sc.Close()
	wantErrorNames(t, err, "late", "in late 2")
	r.want(t, "in early", "b", "in late 2", "in late 1", "a")
	if !errors.Is(err, errOwn) || !errors.Is(late.Close(), errOwn) {
		t.Error(err, late.Close())
	}
	<-late.Closed()
	sub := inReport(t, sc.Report(), "late").Scope
	if sub == nil || sub.State != "closed" || len(sub.Hooks) != 2 {
		t.Errorf("%+v", sub)
	}
}

// TestZeroScopeBelongsToNobody: only its own Close runs it.
func TestZeroScopeBelongsToNobody(t *testing.T) {
	var sc, other lastly.Scope
	var r recorder
	sc.Defer("x", r.hook("x"))
	other.Close()
	runtime.GC()
	r.want(t)
	sc.Close()
	r.want(t, "x")
}

// TestContext ends when closing begins, before holds are awaited and hooks run, with the cause; asked for early or late.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		ctx := sc.Context()
		if ctx != sc.Context() || ctx.Err() != nil {
			t.Error("two contexts, or an ended one")
		}
		release, err := sc.Hold("work")
		if err != nil {
			t.Fatal(err)
		}
		sc.Defer("x", func(context.Context) error {
			select {
			case <-sc.Closed():
				t.Error("Closed while hooks run")
			default:
			}
			return nil
		})
		go sc.Close()
		synctest.Wait()
		if !errors.Is(ctx.Err(), context.Canceled) || !errors.Is(context.Cause(ctx), lastly.ErrClosing) {
			t.Errorf("%v, cause %v", ctx.Err(), context.Cause(ctx))
		}
		select {
		case <-sc.Closed():
			t.Error("Closed while work is held")
		default:
		}
		release()
		<-sc.Closed()

		var never lastly.Scope
		never.Close()
		if cause := context.Cause(never.Context()); !errors.Is(cause, lastly.ErrClosing) {
			t.Errorf("asked for after the end: %v", cause)
		}
		<-never.Closed()
	})
}

// TestCauseReachesChildren: the failure of a Go is the cause of its scope's close and of its children's.
func TestCauseReachesChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		grandchild := sc.Child(lastly.Hook{Name: "child"}).Child(lastly.Hook{Name: "grandchild"})
		stopped := make(chan error, 1)
		grandchild.Go(lastly.Hook{Name: "worker", Run: func(ctx context.Context) error {
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return nil
		}})
		ctx := grandchild.Context()
		sc.Go(lastly.Hook{Name: "fails", Run: failWith(errOwn)})
		<-sc.Closed()
		for _, cause := range []error{context.Cause(ctx), <-stopped, sc.Report().Cause} {
			if !errors.Is(cause, errOwn) {
				t.Errorf("cause %v", cause)
			}
		}
	})
}

// TestChildEndsByItsGo: the failure belongs to whoever asks the child for it, to the parent if nobody does. Conformance 51b.
func TestChildEndsByItsGo(t *testing.T) {
	for name, ask := range map[string]func(c *lastly.Scope) error{
		"nobody":   nil,
		"Close":    func(c *lastly.Scope) error { return c.Close() },
		"Shutdown": func(c *lastly.Scope) error { return c.Shutdown(context.Background()) },
		"Rollback": func(c *lastly.Scope) (err error) {
			err = errors.New("why")
			func() { defer c.Rollback(&err) }()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sc lastly.Scope
				var r recorder
				sc.Defer("first", r.hook("first"))
				c := sc.Child(lastly.Hook{Name: "child"})
				c.Defer("in child", func(context.Context) error { r.note("in child"); return io.ErrUnexpectedEOF })
				c.Go(lastly.Hook{Name: "go", Run: failWith(errOwn)})
				<-c.Closed()
				if sc.Context().Err() != nil {
					t.Error("the parent closes")
				}
				if ask != nil {
					if err := ask(c); !errors.Is(err, errOwn) || !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("whoever asks gets %v", err)
					}
				}
				err := sc.Close()
				for _, want := range []error{errOwn, io.ErrUnexpectedEOF} {
					if errors.Is(err, want) != (ask == nil) {
						t.Errorf("the parent's Close returned %v", err)
					}
				}
				r.want(t, "in child", "first")
			})
		})
	}
}

// TestManyCloseChildren: a parent and its children closed by many at once.
func TestManyCloseChildren(t *testing.T) {
	for range 100 {
		var sc lastly.Scope
		var r recorder
		children := make([]*lastly.Scope, 8)
		for i := range children {
			children[i] = sc.Child(lastly.Hook{Name: fmt.Sprint(i), Uses: lastly.Nothing})
			children[i].Defer("x", func(context.Context) error { r.note("x"); return errOwn })
		}
		done := make(chan error)
		for _, c := range append(children, &sc) {
			go func() { done <- c.Close() }()
		}
		deadline := time.After(10 * time.Second)
		for range 9 {
			select {
			case <-done:
			case <-deadline:
				t.Fatal("Close does not return")
			}
		}
		if r.count("x") != 8 {
			t.Fatalf("ran %d", r.count("x"))
		}
		for _, c := range children {
			if !errors.Is(c.Close(), errOwn) {
				t.Fatal(c.Close())
			}
		}
	}
}
