package lastly_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestOrderAgainstModel runs random scopes and compares the moment at which each hook starts with the rule written down
// naively.
func TestOrderAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			hooks := randomHooks(rnd)
			sc := lastly.Scope{Grace: time.Hour, HookTimeout: time.Hour}
			takes := make([]time.Duration, len(hooks))
			for i := range hooks {
				takes[i] = time.Duration(rnd.IntN(5)) * s
				hooks[i].Run = func(context.Context) error { time.Sleep(takes[i]); return nil }
				sc.Register(hooks[i])
			}
			var ce *lastly.CycleError
			if err := sc.Check(); errors.As(err, &ce) {
				t.Errorf("acyclic names yield a loop: %v", err)
			}
			if err := sc.Close(); err != nil {
				t.Error(err)
			}
			want := modelStarts(hooks, takes)
			for i, h := range sc.Report().Hooks {
				if h.Start != want[i] {
					t.Fatalf("seed %d: hook %d started after %v, want %v\n%v", seed, i, h.Start, want[i], sc.Report())
				}
			}
		})
	}
}

// randomHooks returns hooks whose names form no loop: each name uses only names that are greater.
func randomHooks(rnd *rand.Rand) []lastly.Hook {
	names := rnd.IntN(8) + 2
	hooks := make([]lastly.Hook, rnd.IntN(14)+2)
	for i := range hooks {
		name := rnd.IntN(names)
		hooks[i].Name = string(rune('a' + name))
		hooks[i].Last = rnd.IntN(8) == 0
		switch rnd.IntN(4) {
		case 0:
		case 1:
			hooks[i].Uses = lastly.Nothing
		default:
			for range rnd.IntN(3) + 1 {
				if other := rnd.IntN(names + 2); other > name {
					hooks[i].Uses = append(hooks[i].Uses, string(rune('a'+other)))
				}
			}
		}
	}
	return hooks
}

// modelStarts is the rule: who uses whom, and each starts when its last user has ended.
func modelStarts(hooks []lastly.Hook, takes []time.Duration) []time.Duration {
	n := len(hooks)
	names := func(a, b int) bool { return a != b && slices.Contains(hooks[a].Uses, hooks[b].Name) }
	last := make([]bool, n)
	for i := range n {
		last[i] = hooks[i].Last
	}
	for range n {
		for a := range n {
			for b := range n {
				last[b] = last[b] || last[a] && names(a, b)
			}
		}
	}
	var order []int // a hook counts as registered just before the first that names it
	var place func(i int)
	place = func(i int) {
		if slices.Contains(order, i) {
			return
		}
		for b := range n {
			if names(i, b) {
				place(b)
			}
		}
		order = append(order, i)
	}
	for i := range n {
		place(i)
	}
	uses := func(a, b int) bool {
		switch {
		case last[a] != last[b]:
			return last[b]
		case len(hooks[a].Uses) == 0:
			return slices.Index(order, b) < slices.Index(order, a)
		}
		return names(a, b)
	}
	starts := make([]time.Duration, n)
	for range n { // longest paths, until nothing changes
		for a := range n {
			for b := range n {
				if a != b && uses(a, b) {
					starts[b] = max(starts[b], starts[a]+takes[a])
				}
			}
		}
	}
	return starts
}
