package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// mixer is a random mix of everything that a hook may do wrong, on scopes that are closed and registered on by 64 at once.
type mixer struct {
	seed   uint64
	scopes []*lastly.Scope // the first is the root, the others its descendants, but for the last, which belongs to nobody
	free   chan struct{}
	stop   atomic.Bool
	hang   bool // some hooks never return

	mu    sync.Mutex
	hooks []*mixed
}

// mixed is one hook.
type mixed struct {
	id        int
	scope     *lastly.Scope
	handle    atomic.Pointer[lastly.Handle]
	ran       atomic.Int32
	ended     atomic.Bool
	cancelled atomic.Bool
}

func (m *mixer) any(rnd *rand.Rand) *mixed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hooks[rnd.IntN(len(m.hooks))]
}

func (m *mixer) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.hooks)
}

// register puts a hook of a random kind on a random scope.
func (m *mixer) register(rnd *rand.Rand) {
	m.mu.Lock()
	x := &mixed{id: len(m.hooks), scope: m.scopes[rnd.IntN(len(m.scopes))]}
	m.hooks = append(m.hooks, x)
	m.mu.Unlock()
	name := func() string { return fmt.Sprint("name ", rnd.IntN(20)) }
	h := lastly.Hook{Name: fmt.Sprint("id ", x.id), Last: rnd.IntN(20) == 0}
	if timeout := time.Duration(rnd.IntN(3)) * s; m.hang {
		h.Timeout = timeout
	}
	switch rnd.IntN(4) {
	case 0:
		h.Uses = lastly.Nothing
	case 1:
		h.Uses = []string{fmt.Sprint("id ", rnd.IntN(x.id+10)), name()} // loops, too
	}
	seed := rnd.Uint64()
	h.Run = func(ctx context.Context) error {
		x.ran.Add(1)
		defer x.ended.Store(true)
		return m.misbehave(x, ctx, rand.New(rand.NewPCG(m.seed, seed)))
	}
	switch n := rnd.IntN(6); {
	case n == 0:
		x.handle.Store(x.scope.Go(h))
	case n == 1 && !m.hang: // the garbage collector does not work in a bubble
		x.handle.Store(lastly.Attach(x.scope, newThing("x"), h))
	default:
		x.handle.Store(x.scope.Register(h))
	}
}

// misbehave does one or more bad things.
func (m *mixer) misbehave(x *mixed, ctx context.Context, rnd *rand.Rand) error {
	given := ctx // to Shutdown and Run
	if !m.hang {
		given = context.WithoutCancel(ctx) // nothing is to be hurried: then nothing may overrun
	}
	for range rnd.IntN(3) + 1 {
		other := m.any(rnd)
		oh := other.handle.Load()
		sc := m.scopes[rnd.IntN(len(m.scopes))]
		switch rnd.IntN(16) {
		case 0:
			return errOwn
		case 1:
			panic(fmt.Sprint("mixed ", x.id))
		case 2:
			runtime.Goexit()
		case 3:
			_ = x.scope.Close()
		case 4:
			_ = sc.Close()
		case 5:
			_ = sc.Shutdown(given)
		case 6:
			done := make(chan struct{})
			go func() { _ = sc.Shutdown(given); close(done) }()
			<-done
		case 7:
			if m.count() < 3000 && !m.stop.Load() {
				for range rnd.IntN(4) {
					m.register(rnd)
				}
			}
		case 8:
			if oh != nil && oh.Cancel() {
				other.cancelled.Store(true)
			}
		case 9:
			if oh != nil {
				_ = oh.Run(given)
			}
		case 10:
			if own := x.handle.Load(); own != nil {
				_ = own.Run(context.Background())
			}
		case 11:
			if m.hang && rnd.IntN(4) == 0 {
				<-m.free
			}
		case 12:
			if m.hang && rnd.IntN(4) == 0 {
				return untilDone(ctx)
			}
		case 13:
			if release, err := sc.Hold("mixed"); err == nil {
				release()
			}
			_ = sc.Report()
		case 14:
			c := sc.Child(lastly.Hook{Name: "mixed"})
			c.Defer("x", func(context.Context) error { _ = sc.Close(); return nil })
			if rnd.IntN(2) == 0 {
				_ = c.Close()
			}
		case 15:
			runtime.Gosched()
		}
	}
	return nil
}

// run closes everything from 64 goroutines that also register and cancel and run, and returns when all of them have.
func (m *mixer) run(t *testing.T) {
	var limit time.Duration
	if !m.hang {
		limit = time.Hour // so that two that wait for each other are seen, and a slow machine is not
	}
	root, nobody := &lastly.Scope{Grace: limit, HookTimeout: limit}, &lastly.Scope{Grace: limit, HookTimeout: limit}
	child := root.Child(lastly.Hook{Name: "child"})
	m.scopes = []*lastly.Scope{root, child, root.Child(lastly.Hook{Name: "sibling", Uses: lastly.Nothing}), child.Child(lastly.Hook{Name: "grandchild"}), nobody}
	m.free = make(chan struct{})
	rnd := rand.New(rand.NewPCG(m.seed, 0))
	for range 100 {
		m.register(rnd)
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(m.seed, uint64(i)+1))
			for range rnd.IntN(10) {
				switch rnd.IntN(4) {
				case 0:
					if x := m.any(rnd); x.handle.Load() != nil && x.handle.Load().Cancel() {
						x.cancelled.Store(true)
					}
				case 1:
					if x := m.any(rnd); x.handle.Load() != nil {
						_ = x.handle.Load().Run(context.Background())
					}
				default:
					m.register(rnd)
				}
			}
			began := time.Now()
			_ = m.scopes[i%5].Close()
			if took := time.Since(began); m.hang && took > lastly.DefaultGrace+lastly.Reserve {
				t.Errorf("Close took %v", took)
			}
		})
	}
	wg.Wait()
	_ = root.Close()
	_ = nobody.Close()
	m.stop.Store(true)
}

// check looks at what became of every hook.
func (m *mixer) check(t *testing.T) {
	t.Helper()
	named := make(map[string]lastly.Outcome) // by scope and name
	rows := make(map[string]lastly.HookReport)
	for i, sc := range m.scopes {
		for _, h := range sc.Report().Hooks {
			named[fmt.Sprint(i, " ", h.Name)] = h.Outcome
			rows[fmt.Sprint(i, " ", h.Name)] = h
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ran := 0
	for _, x := range m.hooks {
		n := x.ran.Load()
		ran += int(n)
		var scope int
		for i, sc := range m.scopes {
			if sc == x.scope {
				scope = i
			}
		}
		switch key := fmt.Sprint(scope, " id ", x.id); {
		case n == 1 && !x.ended.Load():
			t.Errorf("hook %d (%s) goes on for ever: nobody ended its context", x.id, named[key])
		case n > 1:
			t.Errorf("hook %d ran %d times", x.id, n)
		case n == 1 && x.cancelled.Load():
			t.Errorf("hook %d ran although it was cancelled", x.id)
		case n == 0 && !x.cancelled.Load() && named[key] != lastly.OutcomeNotStarted:
			t.Errorf("hook %d neither ran nor is it named: %+v", x.id, rows[key])
			if p, ok := errors.AsType[*lastly.PanicError](rows[key].Err); ok {
				t.Logf("%s", p.Stack)
			}
		}
	}
	if ran < 50 {
		t.Errorf("only %d of %d ran", ran, len(m.hooks))
	}
	for key, o := range named {
		if !m.hang && (o == lastly.OutcomeTimedOut || o == lastly.OutcomeAbandoned) {
			t.Errorf("%s %s although nothing hangs", key, o)
		}
	}
}

// TestMix runs mixes in which nothing hangs, at full speed: Close may take no longer than the machine needs.
func TestMix(t *testing.T) {
	for seed := range uint64(40) {
		m := &mixer{seed: seed}
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.run(t)
		}()
		select {
		case <-done:
		case <-time.After(60 * time.Second):
			buf := make([]byte, 1<<20)
			t.Fatalf("seed %d: Close does not return\n%s", seed, buf[:runtime.Stack(buf, true)])
		}
		poll(t, "the last have ended", func() bool { // attached ones may run late, after the end
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, x := range m.hooks {
				if x.ran.Load() == 1 && !x.ended.Load() {
					return false
				}
			}
			return true
		})
		m.check(t)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestMixThatHangs adds hooks that never return, and looks at the clock: every scope is over within grace and reserve.
func TestMixThatHangs(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			m := &mixer{seed: seed, hang: true}
			m.run(t)
			for i, sc := range m.scopes {
				if rep := sc.Report(); rep.State != "closed" || rep.Duration > lastly.DefaultGrace+lastly.Reserve {
					t.Errorf("scope %d is %s after %v", i, rep.State, rep.Duration)
				}
			}
			close(m.free)
			time.Sleep(time.Hour)
			m.check(t)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
	}
}

// TestManyRegistrars: 64 that register while the scope closes: nothing is lost, nothing runs twice.
func TestManyRegistrars(t *testing.T) {
	for range 50 {
		var sc lastly.Scope
		var registered, ran atomic.Int64
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 25 {
					registered.Add(1)
					sc.Register(lastly.Hook{Name: "x", Run: func(context.Context) error { ran.Add(1); return nil }})
				}
				if i%8 == 0 {
					if err := sc.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := sc.Close(); err != nil && !errors.Is(err, lastly.ErrClosing) {
			t.Error(err)
		}
		if registered.Load() != ran.Load() {
			t.Fatalf("%d of %d ran", ran.Load(), registered.Load())
		}
	}
}
