// Package cost does the same work with every library and tells what it cost:
// the time per hook, and the memory that a hook takes.
//
// The figures of one library mean little on a shared machine. Compare two that
// were measured right after each other, and do it several times.
package cost

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Subject is a library, or a floor: the least that the work can cost.
type Subject struct {
	Name string

	// New makes an empty registry with room for n hooks. What a program would
	// have at hand, such as names, is made here and not measured.
	New func(n int) Registry

	// Racy subjects must be given hooks by one goroutine at a time.
	Racy bool

	// Exits says that the library runs its hooks only to end the process, so
	// that Run can't be measured here.
	Exits bool
}

// A Registry takes hooks and runs them.
type Registry interface {
	// Register adds the hook number i of those that it was made for.
	Register(i int)

	// Run runs them all, and waits until they have run.
	Run()
}

// A Remover is a registry that can forget hooks.
type Remover interface {
	Registry
	Remove(i int)
}

// A Starter is a registry that must be started before it runs its hooks. It is
// not measured: what a library does there is not the exit's cost.
type Starter interface {
	Registry
	Start()
}

// Subjects returns the floors and the libraries.
func Subjects() []Subject {
	return []Subject{
		SliceFloor, ListFloor,
		Tebeka, Oklog, Graterm, AfterFunc, Errgroup, Do, Suture, Fx,
		Lastly,
	}
}

// Removes reports whether the subject can forget hooks.
func (s Subject) Removes() bool {
	_, ok := s.New(0).(Remover)
	return ok
}

// A Memory is what one hook takes of the heap, stacks of goroutines apart.
type Memory struct{ Bytes, Allocs float64 }

// ran counts the hooks that have run. Every subject's hook is this one
// increment, so that a library that skips hooks is found out.
var ran atomic.Int64

func hook() { ran.Add(1) }

// fewest is how many hooks are measured at least, in several registries if
// they are made for less: the clock is no good for a single one.
const fewest = 1000

func registries(s Subject, n int) []Registry {
	list := make([]Registry, max(1, fewest/n))
	for i := range list {
		list[i] = s.New(n)
	}
	return list
}

// Register returns the nanoseconds that registering one of n hooks takes.
func Register(s Subject, n int) float64 {
	list := registries(s, n)
	defer discard(s, list, n)
	return perHook(len(list)*n, func() { fill(list, n) })
}

// RegisterMemory returns what registering one of n hooks takes.
func RegisterMemory(s Subject, n int) Memory {
	list := registries(s, n)
	defer discard(s, list, n)
	return memory(len(list)*n, func() { fill(list, n) })
}

// RegisterConcurrently returns the nanoseconds of wall time per hook when
// several goroutines register n hooks in one registry.
func RegisterConcurrently(s Subject, n, goroutines int) float64 {
	r := s.New(n)
	defer discard(s, []Registry{r}, n)
	return perHook(n, func() {
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := g; i < n; i += goroutines {
					r.Register(i)
				}
			})
		}
		wg.Wait()
	})
}

// Remove returns the nanoseconds that removing one of n hooks takes.
func Remove(s Subject, n int) float64 {
	list := registries(s, n)
	fill(list, n)
	defer discard(s, list, n)
	return perHook(len(list)*n, func() {
		for _, r := range list {
			remover := r.(Remover)
			for i := range n {
				remover.Remove(i)
			}
		}
	})
}

// Run returns the nanoseconds that running one of n hooks takes. It panics if
// a hook did not run: then the figure would be worth nothing.
func Run(s Subject, n int) float64 {
	list := registries(s, n)
	fill(list, n)
	start(list)
	before := ran.Load()
	cost := perHook(len(list)*n, func() {
		for _, r := range list {
			r.Run()
		}
	})
	if got, want := ran.Load()-before, int64(len(list)*n); got != want {
		panic(fmt.Sprintf("cost: %s ran %d of %d hooks", s.Name, got, want))
	}
	return cost
}

func fill(list []Registry, n int) {
	for _, r := range list {
		for i := range n {
			r.Register(i)
		}
	}
}

func start(list []Registry) {
	for _, r := range list {
		if s, ok := r.(Starter); ok {
			s.Start()
		}
	}
}

// discard ends what the registries still hold, goroutines above all.
func discard(s Subject, list []Registry, n int) {
	start(list)
	for _, r := range list {
		if !s.Exits {
			r.Run()
			continue
		}
		for i := range n {
			r.(Remover).Remove(i)
		}
	}
}

// perHook returns the nanoseconds that the work takes for each of n hooks. The
// garbage of the work before is not this one's.
func perHook(n int, work func()) float64 {
	runtime.GC()
	begin := time.Now()
	work()
	return float64(time.Since(begin)) / float64(n)
}

// memory returns what the work allocates for each of n.
func memory(n int, work func()) Memory {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return Memory{
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}
}
