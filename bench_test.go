package lastly_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
)

func nop(context.Context) error { return nil }

func BenchmarkRegister(b *testing.B) {
	b.ReportAllocs()
	var s lastly.Scope
	for b.Loop() {
		s.Register(lastly.Hook{Name: "hook", Run: nop})
	}
}

func BenchmarkRegisterParallel(b *testing.B) {
	b.ReportAllocs()
	b.SetParallelism(4)
	var s lastly.Scope
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Register(lastly.Hook{Name: "hook", Run: nop})
		}
	})
}

func BenchmarkCancel(b *testing.B) {
	for _, n := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var s lastly.Scope
			hs := make([]*lastly.Handle, n)
			b.ResetTimer()
			for i := 0; i < b.N; {
				b.StopTimer()
				for k := range hs {
					hs[k] = s.Register(lastly.Hook{Name: "hook", Run: nop})
				}
				b.StartTimer()
				for k := 0; k < n && i < b.N; k++ {
					hs[k].Cancel()
					i++
				}
			}
		})
	}
}

// BenchmarkAfterFunc is the yardstick that the standard library offers.
func BenchmarkAfterFunc(b *testing.B) {
	b.Run("register", func(b *testing.B) {
		b.ReportAllocs()
		ctx, cancel := context.WithCancel(context.Background())
		for b.Loop() {
			context.AfterFunc(ctx, func() {})
		}
		_ = cancel
	})
	b.Run("stop", func(b *testing.B) {
		ctx, cancel := context.WithCancel(context.Background())
		stops := make([]func() bool, b.N)
		for i := range stops {
			stops[i] = context.AfterFunc(ctx, func() {})
		}
		b.ResetTimer()
		for _, stop := range stops {
			stop()
		}
		cancel()
	})
	b.Run("run", func(b *testing.B) {
		b.ReportAllocs()
		const n = 100_000
		for range b.N {
			b.StopTimer()
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			wg.Add(n)
			for range n {
				context.AfterFunc(ctx, wg.Done)
			}
			b.StartTimer()
			cancel()
			wg.Wait()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/hook")
	})
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			wg.Add(3)
			for range 3 {
				context.AfterFunc(ctx, wg.Done)
			}
			cancel()
			wg.Wait()
		}
	})
}

func BenchmarkClose(b *testing.B) {
	const n = 100_000
	perHook := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/hook")
	}
	b.Run("lifo", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			b.StopTimer()
			var s lastly.Scope
			for range n {
				s.Register(lastly.Hook{Name: "hook", Run: nop, Timeout: time.Second})
			}
			b.StartTimer()
			s.Close()
		}
		perHook(b)
	})
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint("dag", n), func(b *testing.B) {
			b.ReportAllocs()
			names := make([]string, n)
			for i := range names {
				names[i] = fmt.Sprint("hook", i)
			}
			r := rand.New(rand.NewPCG(1, 2))
			uses := make([][]string, n)
			for i := range uses {
				uses[i] = []string{lastly.Nothing[0]}
				for k := 0; k < 3 && i > 0; k++ {
					uses[i] = append(uses[i], names[r.IntN(i)])
				}
			}
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				var s lastly.Scope
				for i := range n {
					s.Register(lastly.Hook{Name: names[i], Run: nop, Uses: uses[i]})
				}
				b.StartTimer()
				s.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/hook")
		})
	}
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := new(lastly.Scope)
			s.Register(lastly.Hook{Name: "a", Run: nop})
			s.Register(lastly.Hook{Name: "b", Run: nop})
			s.Register(lastly.Hook{Name: "c", Run: nop})
			s.Close()
		}
	})
}
