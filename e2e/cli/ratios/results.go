package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/lastly-go/lastly/e2e/internal/table"
)

// The results are all that was measured.
type results struct {
	lines   []table.Line
	files   string   // what kind of filesystem
	missing []string // programs
}

// add adds a round's figure to the line of that work, a new one at first.
func (r *results) add(work, unit string, most, figure float64) {
	same := func(l table.Line) bool { return l.Work == work && l.Unit == unit }
	i := slices.IndexFunc(r.lines, same)
	if i < 0 {
		i = len(r.lines)
		r.lines = append(r.lines, table.Line{Work: work, Unit: unit, Most: most})
	}
	r.lines[i].Figures = append(r.lines[i].Figures, figure)
}

// print prints both tables, and returns how many goals were missed.
func (r *results) print(w io.Writer) (missed int) {
	missed = table.Goals(w, r.lines)
	fmt.Fprintln(w)
	table.Beside(w, r.lines)
	for _, m := range r.missing {
		fmt.Fprintf(w, "\nNot measured: %s.\n", m)
	}
	return missed
}
