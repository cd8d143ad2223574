// Package table prints what was measured, beside the goals.
package table

import (
	"fmt"
	"io"
	"slices"

	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// A Line is one line: of the table of goals, or, without a goal, of that of what they stand beside.
type Line struct {
	Work    string
	Unit    string    // what the figures are counted in
	Most    float64   // the goal; 0: none
	Figures []float64 // one at least
}

// Goals prints the lines that have a goal, in Markdown, and returns how many missed it: the median counts.
func Goals(w io.Writer, lines []Line) (missed int) {
	fmt.Fprint(w, "| work | goal: at most | reached | lowest to highest | |\n|---|---|---|---|---|\n")
	for _, l := range lines {
		if l.Most == 0 {
			continue
		}
		reached := "yes"
		if turns.Median(l.Figures) > l.Most {
			reached = "**no**"
			missed++
		}
		fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s |\n", l.Work, Number(l.Most), l.Unit, l.middle(), l.spread(), reached)
	}
	return missed
}

// Beside prints the others.
func Beside(w io.Writer, lines []Line) {
	fmt.Fprint(w, "| beside them | median | lowest to highest |\n|---|---|---|\n")
	for _, l := range lines {
		if l.Most == 0 {
			fmt.Fprintf(w, "| %s | %s %s | %s |\n", l.Work, l.middle(), l.Unit, l.spread())
		}
	}
}

func (l Line) middle() string { return Number(turns.Median(l.Figures)) }

func (l Line) spread() string {
	return Number(slices.Min(l.Figures)) + " to " + Number(slices.Max(l.Figures))
}

// Number prints three digits, or all of a whole number.
func Number(f float64) string {
	if f >= 100 || f <= -100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
