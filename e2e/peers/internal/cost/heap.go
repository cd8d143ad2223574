package cost

import (
	"runtime"

	"github.com/lastly-go/lastly"
)

// HeapLeft returns the bytes by which the heap has grown after n hooks were
// registered in one scope and cancelled again, one after the other.
func HeapLeft(n int) float64 {
	s := new(lastly.Scope)
	churn := func(n int) {
		for range n {
			s.Register(lastly.Hook{Name: "hook", Run: lastlyHook}).Cancel()
		}
	}
	churn(fewest) // what a scope allocates once is no growth
	before := heap()
	churn(n)
	after := heap()
	runtime.KeepAlive(s)
	return float64(after) - float64(before)
}

// heap returns the bytes of live objects. The first collection frees what only
// finalizers and weak pointers held until then, so there are two.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
