package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestChildTime: a child is bounded by what is left to its parent, by its own Timeout and by its own Grace.
func TestChildTime(t *testing.T) {
	for _, test := range []struct {
		name           string
		parent         time.Duration // grace
		timeout, grace time.Duration // of the child
		own            time.Duration // timeout of the hook in it
		before         time.Duration // what runs before the child
		want           time.Duration // what the hook in it gets
	}{
		{name: "HookTimeout", want: 10 * s},
		{name: "all that the parent has", own: time.Hour, want: 25 * s},
		{name: "what is left to the parent", own: time.Hour, before: 5 * s, want: 20 * s},
		{name: "more than the default, if the parent has it", parent: 100 * s, own: time.Hour, want: 100 * s},
		{name: "its Timeout", timeout: 3 * s, own: time.Hour, want: 3 * s},
		{name: "its Grace", grace: 4 * s, own: time.Hour, want: 4 * s},
		{name: "its Grace is more than is left", parent: 6 * s, grace: 20 * s, own: time.Hour, before: 2 * s, want: 4 * s},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				sc := lastly.Scope{Grace: test.parent}
				sc.Defer("first", r.hook("first"))
				c := sc.Child(lastly.Hook{Name: "child", Timeout: test.timeout})
				c.Grace = test.grace
				c.Defer("first in child", r.hook("first in child"))
				var got time.Duration
				c.Register(lastly.Hook{Name: "it", Timeout: test.own, Run: func(ctx context.Context) error {
					d, _ := ctx.Deadline()
					got = time.Until(d)
					return untilDone(ctx)
				}})
				sc.Defer("before", r.sleeper("before", test.before))
				began := time.Now()
				err := sc.Close()
				// A child that gets all that is left to its parent leaves a part of the reserve to the hooks after it.
				if got < test.want || got > test.want+2*s {
					t.Errorf("it had %v, want %v", got, test.want)
				}
				wantTook(t, began, 0, max(test.parent, 25*s)+2*s)
				if he := hookErrors(err); len(he) == 0 || he[len(he)-1].Name != "it" {
					t.Error(err)
				}
				r.want(t, "before", "first in child", "first")
			})
		})
	}
}

// TestChildrenThreeDeep: the hook that hangs is three scopes down; every scope ends in time, names it, and runs the rest.
func TestChildrenThreeDeep(t *testing.T) {
	for _, test := range []struct {
		name string
		hang int // how many hang in each scope
		ctx  time.Duration
		most time.Duration
	}{
		{"one hangs", 1, 0, 27 * s},
		{"many hang", 50, 0, 27 * s},
		{"hurried", 5, 2 * s, 4 * s},
		{"hurried from the start", 5, time.Nanosecond, 2*s + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				defer close(free)
				var r recorder
				root := new(lastly.Scope)
				scopes := []*lastly.Scope{root}
				for depth, sc := 0, root; depth < 4; depth++ {
					sc.Defer(fmt.Sprint("first ", depth), r.hook(fmt.Sprint("first ", depth)))
					if depth < 3 {
						sc = sc.Child(lastly.Hook{Name: fmt.Sprint("child ", depth)})
						scopes = append(scopes, sc)
					}
				}
				for depth, sc := range scopes {
					for range test.hang {
						sc.Defer(fmt.Sprint("hangs ", depth), hangUntil(free))
					}
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if test.ctx > 0 {
					time.AfterFunc(test.ctx, cancel)
				}
				began := time.Now()
				err := root.Shutdown(ctx)
				wantTook(t, began, 0, test.most)
				named := make(map[string]int)
				for _, he := range hookErrors(err) {
					named[he.Name]++
				}
				for depth := range scopes {
					if n := named[fmt.Sprint("hangs ", depth)]; n != test.hang {
						t.Errorf("depth %d: %d of %d that hang are named", depth, n, test.hang)
					}
					if r.count(fmt.Sprint("first ", depth)) != 1 {
						t.Errorf("depth %d: first did not run", depth)
					}
				}
				for depth, sc := range scopes {
					select {
					case <-sc.Closed():
					default:
						t.Errorf("depth %d is not closed", depth)
					}
				}
				var te *lastly.TimeoutError
				if !errors.As(err, &te) || !te.Abandoned {
					t.Error(err)
				}
			})
		})
	}
}

// TestChildHangsInHold: a hold of a child takes at most the child's time.
func TestChildHangsInHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		sc := lastly.Scope{Grace: 5 * s}
		sc.Defer("first", r.hook("first"))
		c := sc.Child(lastly.Hook{Name: "child"})
		c.Defer("in it", r.hook("in it"))
		if _, err := c.Hold("forgotten"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := sc.Close()
		wantTook(t, began, 5*s, 7*s)
		wantErrorNames(t, err, "child", "forgotten")
		r.want(t, "in it", "first")
	})
}

// TestSettingsAreInherited by children and theirs: HookTimeout, Grace, Logger.
func TestSettingsAreInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := lastly.Scope{HookTimeout: 3 * s, Grace: 40 * s}
		c := sc.Child(lastly.Hook{Name: "child"}).Child(lastly.Hook{Name: "grandchild"})
		if g := c.Report().Grace; g != 40*s {
			t.Errorf("grace %v", g)
		}
		c.Defer("it", func(ctx context.Context) error {
			if d, _ := ctx.Deadline(); time.Until(d) != 3*s {
				t.Errorf("timeout %v", time.Until(d))
			}
			return nil
		})
		if err := c.Close(); err != nil { // by itself
			t.Error(err)
		}
		for _, negative := range []*lastly.Scope{{Grace: -1, HookTimeout: -1}} {
			negative.Defer("it", func(ctx context.Context) error {
				if d, _ := ctx.Deadline(); time.Until(d) != 10*s {
					t.Errorf("negative values give %v", time.Until(d))
				}
				return nil
			})
			if err := negative.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestChildClosedTwice: a child that closes by itself with a long patience is hurried when its parent's turn comes.
func TestChildClosedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		var r recorder
		sc := lastly.Scope{Grace: 4 * s}
		sc.Defer("first", r.hook("first"))
		c := sc.Child(lastly.Hook{Name: "child"})
		c.Grace, c.HookTimeout = time.Hour, time.Hour
		c.Defer("first in child", r.hook("first in child"))
		c.Defer("hangs", hangUntil(free))
		began := time.Now()
		byItself := make(chan error)
		go func() { byItself <- c.Close() }()
		synctest.Wait()
		err := sc.Close()
		wantTook(t, began, 4*s, 6*s)
		wantErrorNames(t, err, "child", "hangs")
		wantErrorNames(t, <-byItself, "hangs")
		r.want(t, "first in child", "first")
	})
}
