package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lastly-go/lastly/e2e/internal/turns"
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

// printLines prints both tables, and returns how many goals were missed.
func printLines(w io.Writer, lines []*line) (missed int) {
	fmt.Fprint(w, "| work | goal: at most | reached | lowest to highest | |\n|---|---|---|---|---|\n")
	for _, l := range lines {
		if l.most == 0 {
			continue
		}
		reached := "yes"
		if turns.Median(l.figures) > l.most {
			reached = "**no**"
			missed++
		}
		fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s |\n", l.work, number(l.most), l.unit, l.middle(), l.spread(), reached)
	}
	fmt.Fprint(w, "\n| beside them | median | lowest to highest |\n|---|---|---|\n")
	for _, l := range lines {
		if l.most == 0 {
			fmt.Fprintf(w, "| %s | %s %s | %s |\n", l.work, l.middle(), l.unit, l.spread())
		}
	}
	return missed
}

func (l *line) middle() string { return number(turns.Median(l.figures)) }

func (l *line) spread() string {
	return number(slices.Min(l.figures)) + " to " + number(slices.Max(l.figures))
}

// number prints three digits, or all of a whole number.
func number(f float64) string {
	if f >= 100 || f <= -100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
