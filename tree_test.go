package lastly_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
)

// TestTree closes trees that are wide, wide with everything at once, and deep: every hook runs, once.
func TestTree(t *testing.T) {
	for name, grow := range map[string]func(root *lastly.Scope, i int) *lastly.Scope{
		"wide":    func(root *lastly.Scope, _ int) *lastly.Scope { return root.Child(lastly.Hook{}) },
		"at once": func(root *lastly.Scope, _ int) *lastly.Scope { return root.Child(lastly.Hook{Uses: lastly.Nothing}) },
		"deep":    deeper(),
	} {
		t.Run(name, func(t *testing.T) {
			const scopes = 500
			root := &lastly.Scope{Grace: time.Hour}
			var ran atomic.Int64
			for i := range scopes {
				grow(root, i).Defer("x", func(context.Context) error { ran.Add(1); return nil })
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := root.Close(); err != nil || ran.Load() != scopes {
				t.Errorf("%d of %d hooks ran: %v", ran.Load(), scopes, err)
			}
			// A trace of the stack, to know who calls, would take 8 kB for each child alone; and it is always the parent.
			runtime.ReadMemStats(&after)
			if each := (after.TotalAlloc - before.TotalAlloc) / scopes; each > 6<<10 {
				t.Errorf("closing took %d bytes for each scope", each)
			}
		})
	}
}

// deeper makes every scope the child of the one before.
func deeper() func(root *lastly.Scope, i int) *lastly.Scope {
	var last *lastly.Scope
	return func(root *lastly.Scope, i int) *lastly.Scope {
		if i == 0 {
			last = root
		}
		last = last.Child(lastly.Hook{})
		return last
	}
}
