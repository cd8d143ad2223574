package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// A line is one line of the tables: of that of the goals, or, without a goal, of what they stand beside.
type line struct {
	work    string
	unit    string  // what the figure is counted in
	most    float64 // the goal; 0: none
	figures []float64
}

// A table is all that was measured.
type table struct {
	lines   []*line
	files   string   // what kind of filesystem
	missing []string // programs
}

// line returns the line of that work, a new one at first.
func (t *table) line(work, unit string, most float64) *line {
	for _, l := range t.lines {
		if l.work == work && l.unit == unit {
			return l
		}
	}
	l := &line{work: work, unit: unit, most: most}
	t.lines = append(t.lines, l)
	return l
}

// add adds a round's figure to a line.
func (t *table) add(work, unit string, most, figure float64) {
	l := t.line(work, unit, most)
	l.figures = append(l.figures, figure)
}

// print prints both tables, and returns how many goals were missed.
func (t *table) print(w io.Writer) (missed int) {
	fmt.Fprint(w, "| work | goal: at most | reached | lowest to highest | |\n|---|---|---|---|---|\n")
	for _, l := range t.lines {
		if l.most == 0 {
			continue
		}
		reached := "yes"
		if turns.Median(l.figures) > l.most {
			reached = "**no**"
			missed++
		}
		fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s |\n", l.work, number(l.most), l.unit, number(turns.Median(l.figures)), l.spread(), reached)
	}
	fmt.Fprint(w, "\n| beside them | median | lowest to highest |\n|---|---|---|\n")
	for _, l := range t.lines {
		if l.most == 0 {
			fmt.Fprintf(w, "| %s | %s %s | %s |\n", l.work, number(turns.Median(l.figures)), l.unit, l.spread())
		}
	}
	for _, m := range t.missing {
		fmt.Fprintf(w, "\nNot measured: %s.\n", m)
	}
	return missed
}

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
