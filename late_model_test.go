package lastly_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// lateHook is one hook of TestLateAgainstModel, and what happened to it. Times are counted from the beginning.
type lateHook struct {
	lastly.Hook

	registered, started, ended time.Duration
}

func (a *lateHook) uses(b *lateHook) bool { return a != b && slices.Contains(a.Uses, b.Name) }

// TestLateAgainstModel: hooks of a scope that closes register others at random moments. Whoever uses what has not started comes before
// it, whoever uses what runs comes after it, and each starts the moment nothing of that stands in its way.
func TestLateAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			sc := lastly.Scope{Grace: time.Hour, HookTimeout: time.Hour}
			var mu sync.Mutex // guards rnd and hooks
			var hooks []*lateHook
			began := time.Now()
			some := func() time.Duration { return time.Duration(rnd.Int64N(int64(s))) + 1 } // never the same twice
			var register func()
			register = func() {
				mu.Lock()
				h := &lateHook{registered: time.Since(began)}
				h.Name, h.Uses = randomUses(rnd)
				before, after, late := some(), some(), rnd.IntN(3)
				hooks = append(hooks, h)
				many := len(hooks) > 30
				mu.Unlock()
				h.Run = func(context.Context) error {
					h.started = time.Since(began)
					time.Sleep(before)
					for range late {
						if !many {
							register()
						}
					}
					time.Sleep(after)
					h.ended = time.Since(began)
					return nil
				}
				sc.Register(h.Hook)
			}
			for range rnd.IntN(8) + 1 {
				register()
			}
			if err := sc.Close(); err != nil {
				t.Error(err)
			}
			for i, h := range hooks {
				if want := modelLateStart(i, hooks); h.started != want {
					t.Errorf("seed %d: %q, which uses %q, registered at %v, started at %v, want %v",
						seed, h.Name, h.Uses, h.registered, h.started, want)
				}
			}
			if t.Failed() {
				t.Fatal(sc.Report())
			}
		})
	}
}

// randomUses returns a name and greater names that it uses, so that there are no loops, or Nothing.
func randomUses(rnd *rand.Rand) (name string, uses []string) {
	n := rnd.IntN(6)
	for range rnd.IntN(3) + 1 {
		if other := rnd.IntN(8); other > n {
			uses = append(uses, string(rune('a'+other)))
		}
	}
	if len(uses) == 0 {
		uses = lastly.Nothing
	}
	return string(rune('a' + n)), uses
}

// modelLateStart is when hook i may start: when it is there, when all who use it and came before it started have ended, and when what
// it uses and ran already when it came has ended.
func modelLateStart(i int, hooks []*lateHook) time.Duration {
	h := hooks[i]
	start := h.registered
	for k, o := range hooks {
		// Several are registered, and may start, in one moment: then one after the other.
		first := o.registered < h.started || o.registered == h.started && k < i
		ran := o.started < h.registered || o.started == h.registered && k < i
		if o.uses(h) && first || h.uses(o) && ran && o.ended > h.registered {
			start = max(start, o.ended)
		}
	}
	return start
}
