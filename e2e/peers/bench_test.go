package main

import (
	"fmt"
	"testing"

	"github.com/lastly-go/lastly/e2e/peers/internal/cost"
)

// The benchmarks do the same work with every library and with two floors, and
// report nanoseconds per hook instead of per operation: an operation is a batch
// of hooks with all that comes before and after it.
//
//	go test -run '^$' -bench . ./e2e/peers
//
// For figures to compare, use the command ratios: it measures the two sides of
// a ratio in turn.

// sizes are the numbers of hooks. None of these libraries is quadratic in it;
// those that are can be found in BenchmarkExit.
var sizes = []int{1, 1_000, 100_000}

// perHook reports the mean of what the work returns.
func perHook(b *testing.B, work func() float64) { mean(b, "ns/hook", work) }

func mean(b *testing.B, unit string, work func() float64) {
	sum := 0.0
	for b.Loop() {
		sum += work()
	}
	b.ReportMetric(sum/float64(b.N), unit)
	b.ReportMetric(0, "ns/op")
}

// forAll runs a benchmark of each subject that fits, at each size.
func forAll(b *testing.B, sizes []int, fits func(cost.Subject) bool, work func(cost.Subject, int) float64) {
	for _, s := range cost.Subjects() {
		if !fits(s) {
			continue
		}
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/n=%d", s.Name, n), func(b *testing.B) {
				perHook(b, func() float64 { return work(s, n) })
			})
		}
	}
}

func BenchmarkRegister(b *testing.B) {
	for _, s := range cost.Subjects() {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/n=%d", s.Name, n), func(b *testing.B) {
				memory := cost.RegisterMemory(s, n)
				perHook(b, func() float64 { return cost.Register(s, n) })
				b.ReportMetric(memory.Bytes, "B/hook")
				b.ReportMetric(memory.Allocs, "allocs/hook")
			})
		}
	}
}

// BenchmarkRegisterConcurrently leaves out those that lose hooks or crash, and
// the single hook, for which eight goroutines are seven too many.
func BenchmarkRegisterConcurrently(b *testing.B) {
	fits := func(s cost.Subject) bool { return !s.Racy }
	forAll(b, sizes[1:], fits, func(s cost.Subject, n int) float64 {
		return cost.RegisterConcurrently(s, n, 8)
	})
}

func BenchmarkUnregister(b *testing.B) {
	forAll(b, sizes, cost.Subject.Removes, cost.Remove)
}

// BenchmarkRun leaves out those that run their hooks only to end the process.
func BenchmarkRun(b *testing.B) {
	fits := func(s cost.Subject) bool { return !s.Exits }
	forAll(b, sizes, fits, cost.Run)
}

// BenchmarkClose closes what only lastly has: hooks with timeouts, and graphs.
func BenchmarkClose(b *testing.B) {
	for _, s := range []cost.Subject{cost.LastlyTimeout, cost.LastlyGraph} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/n=%d", s.Name, n), func(b *testing.B) {
				perHook(b, func() float64 { return cost.Run(s, n) })
			})
		}
	}
}

// BenchmarkLinear reports how much more a hook of a graph takes when there are
// ten times as many.
func BenchmarkLinear(b *testing.B) {
	mean(b, "×1e5/1e4", func() float64 {
		return cost.Run(cost.LastlyGraph, 100_000) / cost.Run(cost.LastlyGraph, 10_000)
	})
}

func BenchmarkRequest(b *testing.B) {
	const requests = 1000
	b.Run("scope", func(b *testing.B) {
		memory := cost.RequestScopeMemory(requests)
		mean(b, "ns/request", func() float64 { return cost.RequestScope(requests) })
		b.ReportMetric(memory.Bytes, "B/request")
		b.ReportMetric(memory.Allocs, "allocs/request")
	})
	b.Run("AfterFuncs", func(b *testing.B) {
		mean(b, "ns/request", func() float64 { return cost.RequestAfterFuncs(requests) })
	})
}

// BenchmarkHeap reports what a million hooks leave that were registered and
// cancelled.
func BenchmarkHeap(b *testing.B) {
	left := 0.0
	for b.Loop() {
		left = max(left, cost.HeapLeft(1_000_000))
	}
	b.ReportMetric(left, "B-left")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdle reports how much longer a process lives under lastly.Main.
func BenchmarkIdle(b *testing.B) {
	programs, err := cost.BuildPrograms(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	mean(b, "ms-more", func() float64 {
		ms, err := programs.Difference(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		return ms
	})
}
