package cost

import (
	"context"
	"sync"
)

// AfterFunc is the standard library's context.AfterFunc, with the wait group
// that it takes to know when the functions have run.
var AfterFunc = Subject{
	Name: "context.AfterFunc",
	New:  newAfterFunc,
}

type afterFunc struct {
	ctx    context.Context
	cancel context.CancelFunc
	stops  []func() bool
	wg     sync.WaitGroup
}

func newAfterFunc(n int) Registry {
	a := &afterFunc{stops: make([]func() bool, n)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Register makes a closure, as every program must that has several functions
// to wait for.
func (a *afterFunc) Register(i int) {
	a.stops[i] = context.AfterFunc(a.ctx, func() {
		defer a.wg.Done()
		hook()
	})
}

func (a *afterFunc) Remove(i int) {
	a.stops[i]()
	a.stops[i] = nil
}

func (a *afterFunc) Run() {
	for _, stop := range a.stops {
		if stop != nil {
			a.wg.Add(1)
		}
	}
	a.cancel()
	a.wg.Wait()
}
