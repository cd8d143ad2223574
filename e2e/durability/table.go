package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lastly-go/lastly/e2e/internal/table"
)

// A line is one line of the tables: of that of the goals, or, without a goal, of what they stand beside.
type line struct {
	work    string
	unit    string  // what the figure is counted in
	most    float64 // the goal; 0: none
	once    bool    // in the first round only, since it takes long and does not vary
	heavy   bool    // after all rounds of the others: see measure
	figure  func(ctx context.Context, round int) (float64, error)
	figures []float64
}

// matching returns the lines that contain a text.
func matching(lines []*line, text string) []*line {
	return slices.DeleteFunc(lines, func(l *line) bool { return !strings.Contains(l.work+" "+l.unit, text) })
}

// measure fills in the figures, and tells how far it is. What removes files by the thousand comes when all else is done: for
// minutes, ext4 takes longer to make a file where inodes have just been freed, which it is slow to use again.
func measure(ctx context.Context, progress io.Writer, lines []*line, rounds int) error {
	for _, heavy := range []bool{false, true} {
		for round := range rounds {
			fmt.Fprintf(progress, "durability: round %d of %d, heavy: %v\n", round+1, rounds, heavy)
			for _, l := range lines {
				if l.heavy != heavy || l.once && round > 0 {
					continue
				}
				if err := l.measure(ctx, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (l *line) measure(ctx context.Context, round int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	figure, err := l.figure(ctx, round)
	if err != nil {
		return fmt.Errorf("%s: %w", l.work, err)
	}
	l.figures = append(l.figures, figure)
	return nil
}

// print prints both tables, and returns how many goals were missed.
func print(w io.Writer, lines []*line) (missed int) {
	plain := make([]table.Line, len(lines))
	for i, l := range lines {
		plain[i] = table.Line{Work: l.work, Unit: l.unit, Most: l.most, Figures: l.figures}
	}
	missed = table.Goals(w, plain)
	fmt.Fprintln(w)
	table.Beside(w, plain)
	return missed
}
