package main

import (
	"context"
	"fmt"
	"io"

	"github.com/lastly-go/lastly/e2e/internal/turns"
	"github.com/lastly-go/lastly/e2e/peers/internal/cost"
)

// A line is what one library costs, in the order of the columns. An empty list
// stands for what it can't do, or what can't be measured.
type line struct {
	subject cost.Subject
	memory  cost.Memory
	figures [4][]float64 // register, run, register concurrently, unregister
}

func measureCosts(ctx context.Context, progress io.Writer, rounds int) ([]*line, error) {
	var lines []*line
	for _, s := range cost.Subjects() {
		lines = append(lines, &line{subject: s, memory: cost.RegisterMemory(s, many)})
	}
	for round := range rounds {
		fmt.Fprintf(progress, "costs: round %d of %d\n", round+1, rounds)
		for _, l := range lines {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			l.measure()
		}
	}
	return lines, nil
}

func (l *line) measure() {
	add := func(i int, figure measurement) { l.figures[i] = append(l.figures[i], figure()) }
	add(0, register(l.subject))
	if !l.subject.Exits {
		add(1, run(l.subject))
	}
	if !l.subject.Racy {
		add(2, concurrently(l.subject))
	}
	if l.subject.Removes() {
		add(3, remove(l.subject, many))
	}
}

func printCosts(w io.Writer, lines []*line) {
	fmt.Fprint(w, "\n| ns per hook, 1e5 hooks | register | run | register, 8 goroutines | unregister | B, allocations per hook |\n")
	fmt.Fprint(w, "|---|---|---|---|---|---|\n")
	for _, l := range lines {
		fmt.Fprintf(w, "| %s |", l.subject.Name)
		for _, figures := range l.figures {
			if len(figures) == 0 {
				fmt.Fprint(w, " - |")
				continue
			}
			fmt.Fprintf(w, " %.0f |", turns.Median(figures))
		}
		fmt.Fprintf(w, " %.0f, %.0f |\n", l.memory.Bytes, l.memory.Allocs)
	}
}
