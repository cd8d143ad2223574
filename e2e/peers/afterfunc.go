package main

import (
	"context"
	"sync"
	"time"
)

var afterFuncPeer = peer{
	name: "context.AfterFunc",
	open: newAfterFunc,
}

// afterFunc adds the wait group that the standard library lacks: without it,
// main would be gone before the first hook starts. What a second caller waits
// for would be this wait group, not the library; so there is no second caller.
type afterFunc struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newAfterFunc(time.Duration) library {
	a := new(afterFunc)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

func (a *afterFunc) register(name string, h hook) { a.registerRemovable(name, h) }

func (a *afterFunc) registerRemovable(_ string, h hook) (remove func()) {
	a.wg.Add(1)
	stop := context.AfterFunc(a.ctx, func() {
		defer a.wg.Done()
		_ = h(context.WithoutCancel(a.ctx))
	})
	return func() {
		if stop() {
			a.wg.Done()
		}
	}
}

func (a *afterFunc) shutdown() error {
	a.cancel()
	a.wg.Wait()
	return nil
}
