package cost

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/lastly-go/lastly"
)

// Lastly is a hook without ties in a scope: last in, first out.
var Lastly = Subject{
	Name: "lastly",
	New: func(n int) Registry {
		return newScope(n, func(int) lastly.Hook { return lastly.Hook{Name: "hook", Run: lastlyHook} })
	},
}

// LastlyTimeout is the same with a timeout of its own for each hook.
var LastlyTimeout = Subject{
	Name: "lastly, with timeouts",
	New: func(n int) Registry {
		return newScope(n, func(int) lastly.Hook {
			return lastly.Hook{Name: "hook", Run: lastlyHook, Timeout: time.Minute}
		})
	},
}

// LastlyGraph is a random graph without cycles in which each hook uses three
// others, registered earlier or later, except for those at its end.
var LastlyGraph = Subject{
	Name: "lastly, each uses 3",
	New: func(n int) Registry {
		hooks := graph(n)
		return newScope(n, func(i int) lastly.Hook { return hooks[i] })
	},
}

func lastlyHook(context.Context) error {
	hook()
	return nil
}

// graph returns n hooks. Hook i may use those of a lower rank; the ranks have
// nothing to do with the order of registration.
func graph(n int) []lastly.Hook {
	random := rand.New(rand.NewPCG(1, 2))
	ranked, names := random.Perm(n), names(n)
	hooks := make([]lastly.Hook, n)
	for rank, i := range ranked {
		uses := lastly.Nothing
		if rank > 0 {
			uses = make([]string, 3)
			for j := range uses {
				uses[j] = names[ranked[random.IntN(rank)]]
			}
		}
		hooks[i] = lastly.Hook{Name: names[i], Run: lastlyHook, Uses: uses}
	}
	return hooks
}

type scope struct {
	scope   lastly.Scope
	hook    func(i int) lastly.Hook
	handles []*lastly.Handle
}

// newScope gives the flow all the time it wants: the figure of a slow machine
// is a figure too.
func newScope(n int, hook func(i int) lastly.Hook) Registry {
	return &scope{
		scope:   lastly.Scope{Grace: time.Hour},
		hook:    hook,
		handles: make([]*lastly.Handle, n),
	}
}

func (s *scope) Register(i int) { s.handles[i] = s.scope.Register(s.hook(i)) }

func (s *scope) Remove(i int) { s.handles[i].Cancel() }

func (s *scope) Run() {
	if err := s.scope.Close(); err != nil {
		panic(fmt.Sprintf("cost: lastly: %v", err))
	}
}

// Site returns the nanoseconds that it takes to find out who called, as
// Register does for its caller: the part of its cost that an error message is
// worth.
func Site(n int) float64 {
	var pc [1]uintptr
	return perHook(n, func() {
		for range n {
			runtime.Callers(2, pc[:])
		}
	})
}
