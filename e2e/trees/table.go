package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// goal is how much longer than the end of a PID namespace the end of a tree may take.
const goal = 2.0

// columns are the names of the events.
var columns = []string{"TERM to tool", "KILL tool", "KILL tool's group", "command exits 0"}

// A table is what was observed.
type table struct {
	Go        string   `json:"go"`
	Kernel    string   `json:"kernel"`
	CPUs      int      `json:"cpus"`
	Load      string   `json:"load"` // at the beginning
	Processes int      `json:"processes"`
	Rows      []row    `json:"rows"`
	Faults    []fault  `json:"double_faults"`
	Endings   []ending `json:"endings"`
	NotTimed  string   `json:"not_timed,omitempty"` // why
}

// A row is what survives one tool.
type row struct {
	Tool        string `json:"tool"`
	Version     string `json:"version,omitempty"`
	Left        []int  `json:"left"` // by column; none if the row is skipped
	Skipped     string `json:"skipped,omitempty"`
	MustBeClean bool   `json:"must_be_clean"`
}

// A fault is what survives lastly when its supervisor is killed as well: of a tree that keeps its environment, and of one that has
// cleared it.
type fault struct {
	Event    string `json:"event"`
	Kept     int    `json:"environment_kept"`
	Cleared  int    `json:"environment_cleared"`
	Promised bool   `json:"must_be_clean"` // of those that keep it nothing may survive
}

// An ending is how long one way to end a tree takes, in each round.
type ending struct {
	Way  string          `json:"way"`
	Took []time.Duration `json:"took_ns"`
}

// blemishes lists what survived and must not.
func (t *table) blemishes() (list []string) {
	for _, r := range t.Rows {
		for i, n := range r.Left {
			if r.MustBeClean && n > 0 {
				list = append(list, fmt.Sprintf("%s: %s: %d of %d processes survive", r.Tool, columns[i], n, t.Processes))
			}
		}
	}
	for _, f := range t.Faults {
		if f.Promised && f.Kept > 0 {
			list = append(list, fmt.Sprintf("%s: %d of %d processes survive", f.Event, f.Kept, t.Processes))
		}
	}
	return list
}

func (t *table) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(t)
}

func (t *table) markdown(w io.Writer) error {
	var b strings.Builder
	t.survivors(&b)
	if len(t.Faults) > 0 {
		b.WriteString("\n| lastly's processes killed, too | environment kept | environment cleared |\n|---|---|---|\n")
		for _, f := range t.Faults {
			kept := fmt.Sprint(f.Kept)
			if f.Promised {
				kept = bold(f.Kept)
			}
			fmt.Fprintf(&b, "| %s | %s | %d |\n", f.Event, kept, f.Cleared)
		}
	}
	if len(t.Endings) > 0 {
		b.WriteString("\n")
		t.endings(&b)
	}
	if t.NotTimed != "" {
		fmt.Fprintf(&b, "\nThe end of a tree was not timed beside a PID namespace: %s.\n", t.NotTimed)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// survivors is the first table.
func (t *table) survivors(b *strings.Builder) {
	b.WriteString("| tool | " + strings.Join(columns, " | ") + " |\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	var skipped, versions []string
	for _, r := range t.Rows {
		b.WriteString("| " + r.Tool + " |")
		for i := range columns {
			switch {
			case r.Skipped != "":
				b.WriteString(" - |")
			case r.MustBeClean:
				b.WriteString(" " + bold(r.Left[i]) + " |")
			default:
				fmt.Fprintf(b, " %d |", r.Left[i])
			}
		}
		b.WriteString("\n")
		if r.Skipped != "" {
			skipped = append(skipped, fmt.Sprintf("\n%s: not tried: %s.\n", r.Tool, r.Skipped))
		}
		if r.Version != "" && !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
		}
	}
	b.WriteString(strings.Join(skipped, ""))
	fmt.Fprintf(b, "\nOf %d processes each. %s, Linux %s, %d CPUs, load %s at the beginning", t.Processes, t.Go, t.Kernel, t.CPUs, t.Load)
	if len(versions) > 0 {
		b.WriteString("; Debian's " + strings.Join(versions, ", "))
	}
	b.WriteString(".\n")
}

// bold shows a number that should be 0.
func bold(n int) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("**%d**", n)
}

// endings is the last table. A ratio is between two neighbours in time, so that the median is not that of a busy minute.
func (t *table) endings(b *strings.Builder) {
	fmt.Fprintf(b, "| a tree of %d processes ends: | median | ratio to the first | lowest to highest | at most %g |\n|---|---|---|---|---|\n", t.Processes, goal)
	for i, e := range t.Endings {
		ratios := make([]float64, len(e.Took))
		for k, d := range e.Took {
			ratios[k] = float64(d) / float64(t.Endings[0].Took[k])
		}
		slices.Sort(ratios)
		m := median(ratios)
		verdict := "yes"
		switch {
		case i == 0:
			verdict = ""
		case m > goal:
			verdict = "**no**"
		}
		fmt.Fprintf(b, "| %s | %v | %.2f | %.2f to %.2f | %s |\n", e.Way, median(e.Took).Round(100*time.Microsecond), m, ratios[0], ratios[len(ratios)-1], verdict)
	}
	fmt.Fprintf(b, "\n%d rounds; in each, one way after the other.\n", len(t.Endings[0].Took))
}

func median[T float64 | time.Duration](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
