package main

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/lastly-go/lastly/e2e/internal/table"
	"github.com/lastly-go/lastly/e2e/internal/turns"
	"github.com/lastly-go/lastly/e2e/peers/internal/cost"
)

const (
	// many is the number of hooks where the goal does not say another.
	many = 100_000

	// requests is how many scopes for requests make one measurement.
	requests = 20_000
)

// A goal is one line of the table.
type goal struct {
	work    string
	unit    string // what the figure is counted in
	most    float64
	figure  func(round int) (float64, error)
	figures []float64
}

// A measurement returns nanoseconds per hook, or whatever the goal counts.
type measurement func() float64

// tries is how often a side is measured for one figure.
const tries = 3

// compare makes a figure of what its sides take when nothing disturbs them.
func compare(figure func(least []float64) float64, sides ...measurement) func(int) (float64, error) {
	return func(round int) (float64, error) {
		list := make([]turns.Side, len(sides))
		for i, side := range sides {
			list[i] = func() (float64, error) { return side(), nil }
		}
		least, err := turns.Least(round, tries, list...)
		if err != nil {
			return 0, err
		}
		return figure(least), nil
	}
}

// ratio compares two measurements.
func ratio(a, b measurement) func(int) (float64, error) {
	return compare(func(least []float64) float64 { return least[0] / least[1] }, a, b)
}

// unsited is the ratio without what it takes to find the call site.
func unsited(a, b measurement) func(int) (float64, error) {
	site := func() float64 { return cost.Site(many) }
	return compare(func(least []float64) float64 { return (least[0] - least[2]) / least[1] }, a, b, site)
}

// mean repeats what is over too soon to be measured once.
func mean(times int, a measurement) measurement {
	return func() float64 {
		sum := 0.0
		for range times {
			sum += a()
		}
		return sum / float64(times)
	}
}

// plain is a figure that is no ratio.
func plain(a measurement) func(int) (float64, error) {
	return func(int) (float64, error) { return a(), nil }
}

func register(s cost.Subject) measurement {
	return func() float64 { return cost.Register(s, many) }
}

func run(s cost.Subject) measurement {
	return func() float64 { return cost.Run(s, many) }
}

func remove(s cost.Subject, n int) measurement {
	return func() float64 { return cost.Remove(s, n) }
}

func concurrently(s cost.Subject) measurement {
	return func() float64 { return cost.RegisterConcurrently(s, many, 8) }
}

// goals returns the goals that lastly has set itself.
func goals(ctx context.Context, programs cost.Programs) []*goal {
	return append(hookGoals(), otherGoals(ctx, programs)...)
}

// hookGoals are those of single hooks, and of closing many.
func hookGoals() []*goal {
	return []*goal{
		{
			work: "register, with call site", unit: "× AfterFunc", most: 1,
			figure: ratio(register(cost.Lastly), register(cost.AfterFunc)),
		},
		{
			work: "register, less the call site's cost", unit: "× AfterFunc", most: 0.5,
			figure: unsited(register(cost.Lastly), register(cost.AfterFunc)),
		},
		{
			work: "register", unit: "allocation per hook", most: 1,
			figure: plain(func() float64 { return wholeAllocs(cost.RegisterMemory(cost.Lastly, many)) }),
		},
		{
			work: "register", unit: "B per hook", most: 160,
			figure: plain(func() float64 { return cost.RegisterMemory(cost.Lastly, many).Bytes }),
		},
		{
			work: "cancel", unit: "× AfterFunc's stop", most: 0.15,
			figure: ratio(remove(cost.Lastly, many), remove(cost.AfterFunc, many)),
		},
		{
			work: "cancel one of 1e5, flat in N", unit: "× one of 1e3", most: flat,
			figure: ratio(remove(cost.Lastly, many), mean(10, remove(cost.Lastly, 1000))),
		},
		{
			work: "close 1e5 LIFO hooks, each with a timeout", unit: "× AfterFunc's run", most: 0.2,
			figure: ratio(run(cost.LastlyTimeout), run(cost.AfterFunc)),
		},
		{
			work: "the same", unit: "× graterm's", most: 0.1,
			figure: ratio(run(cost.LastlyTimeout), run(cost.Graterm)),
		},
		{
			work: "the same", unit: "× samber/do's", most: 0.1,
			figure: ratio(run(cost.LastlyTimeout), run(cost.Do)),
		},
		{
			work: "close 1e5 hooks in a random DAG of 3 uses each", unit: "× AfterFunc's run", most: 2,
			figure: ratio(run(cost.LastlyGraph), run(cost.AfterFunc)),
		},
		{
			work: "the same per hook, linear in edges", unit: "× 1e4 hooks", most: flat,
			figure: ratio(run(cost.LastlyGraph), func() float64 { return cost.Run(cost.LastlyGraph, many/10) }),
		},
	}
}

// otherGoals are those of scopes, of many goroutines, and of whole programs.
func otherGoals(ctx context.Context, programs cost.Programs) []*goal {
	return []*goal{
		{
			work: "scope per request", unit: "× a context and 3 AfterFuncs", most: 1.5,
			figure: ratio(
				func() float64 { return cost.RequestScope(requests) },
				func() float64 { return cost.RequestAfterFuncs(requests) },
			),
		},
		{
			work: "scope per request", unit: "allocations", most: 8,
			figure: plain(func() float64 { return wholeAllocs(cost.RequestScopeMemory(requests)) }),
		},
		{
			work: "8 goroutines registering", unit: "× the floor's", most: 2,
			figure: ratio(concurrently(cost.Lastly), concurrently(cost.ListFloor)),
		},
		{
			work: "heap left by a million register and cancel", unit: "B", most: heapNoise,
			figure: plain(func() float64 { return cost.HeapLeft(1_000_000) }),
		},
		{
			work: "exit with nothing to do, beside an empty Go main", unit: "ms more", most: 1,
			figure: func(int) (float64, error) { return programs.Difference(ctx) },
		},
	}
}

const (
	// flat is how much more one of many may take than one of few: a hundred or
	// ten times as many don't fit into the same cache. Work that grows with N
	// would be at 100 and at 10.
	flat = 3

	// heapNoise is what the runtime itself allocates in the meantime. A million
	// hooks that left a byte each would be far beyond it.
	heapNoise = 64 << 10
)

// wholeAllocs drops what not one hook in a hundred allocates: growing a slice
// now and then is no allocation per hook.
func wholeAllocs(m cost.Memory) float64 { return math.Round(m.Allocs*100) / 100 }

// measure fills in the figures, and tells how far it is.
func measure(ctx context.Context, progress io.Writer, list []*goal, rounds int) error {
	for round := range rounds {
		fmt.Fprintf(progress, "goals: round %d of %d\n", round+1, rounds)
		for _, g := range list {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			figure, err := g.figure(round)
			if err != nil {
				return fmt.Errorf("%s: %w", g.work, err)
			}
			g.figures = append(g.figures, figure)
		}
	}
	return nil
}

func printGoals(w io.Writer, list []*goal) {
	lines := make([]table.Line, len(list))
	for i, g := range list {
		lines[i] = table.Line{Work: g.work, Unit: g.unit, Most: g.most, Figures: g.figures}
	}
	table.Goals(w, lines)
}
