package cost

import (
	"context"
	"fmt"
	"sync"

	"github.com/lastly-go/lastly"
)

// hooksPerRequest is how many things a request has to undo.
const hooksPerRequest = 3

// RequestScope returns the nanoseconds that a scope for a request takes: made,
// given three hooks, and closed.
func RequestScope(n int) float64 {
	return perHook(n, func() { repeat(n, requestScope) })
}

// RequestScopeMemory returns the memory of the same.
func RequestScopeMemory(n int) Memory {
	return memory(n, func() { repeat(n, requestScope) })
}

// RequestAfterFuncs returns the nanoseconds that the same takes with a context
// and three AfterFuncs.
func RequestAfterFuncs(n int) float64 {
	return perHook(n, func() { repeat(n, requestAfterFuncs) })
}

func repeat(n int, work func()) {
	for range n {
		work()
	}
}

func requestScope() {
	var s lastly.Scope
	for range hooksPerRequest {
		s.Defer("hook", lastlyHook)
	}
	if err := s.Close(); err != nil {
		panic(fmt.Sprintf("cost: lastly: %v", err))
	}
}

func requestAfterFuncs() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range hooksPerRequest {
		wg.Add(1)
		context.AfterFunc(ctx, func() {
			defer wg.Done()
			hook()
		})
	}
	cancel()
	wg.Wait()
}
