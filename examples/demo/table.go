package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/lastly-go/lastly/examples/matrix"
)

// results are all rows of one run: those that must be clean, and those for contrast.
type results struct {
	Rows     []row          `json:"rows"`
	Contrast []row          `json:"contrast"`
	Matrix   *matrix.Result `json:"matrix,omitempty"` // nil: not asked for, or not to be had on this system
}

// clean counts the rows that are clean.
func clean(rows []row) (n int) {
	for _, r := range rows {
		if r.Clean {
			n++
		}
	}
	return n
}

func (r results) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func (r results) writeTable(w io.Writer) error {
	if len(r.Rows) > 0 {
		if err := writeRows(w, "Wired with lastly", r.Rows); err != nil {
			return err
		}
	}
	if len(r.Contrast) > 0 {
		if err := writeRows(w, "For contrast, the same service wired with plain defers", r.Contrast); err != nil {
			return err
		}
	}
	if r.Matrix == nil {
		return nil
	}
	fmt.Fprint(w, "\nWhat outlives a process, registered as durable: who released it after each death\n\n")
	return r.Matrix.WriteTable(w)
}

// writeRows writes one table, with the notes below it.
func writeRows(w io.Writer, title string, rows []row) error {
	fmt.Fprintf(w, "\n%s: %d of %d deaths clean\n\n", title, clean(rows), len(rows))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DEATH\tCLEAN\tREQUESTS\tIN FLIGHT\tLOST\tTOLD\t503\tROWS\tMISSING\tEXIT\tMS\tLEFT BEHIND")
	var notes []string
	for _, r := range rows {
		title := r.title
		if r.Note != "" {
			notes = append(notes, r.Note)
			title += fmt.Sprintf(" [%d]", len(notes))
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%s\t%d\t%s\n", title, yes(r.Clean),
			r.Requests, r.InFlight, r.bracketed(strconv.Itoa(r.Lost)), r.bracketed(fmt.Sprintf("%d/%d", r.Told, r.Watchers)),
			r.bracketed(map[bool]string{true: "yes", false: "no"}[r.Ready503]), r.Rows, r.RowsLost, r.exitCell(), r.MS, r.leftCell())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, note := range notes {
		fmt.Fprintf(w, "[%d] %s\n", i+1, note)
	}
	return nil
}

// bracketed says by brackets that it could not be otherwise.
func (r row) bracketed(text string) string {
	if r.outright {
		return "(" + text + ")"
	}
	return text
}

func (r row) leftCell() string {
	if len(r.ByNature) == 0 {
		return dash(r.Left)
	}
	return dash(r.Left) + " (" + strings.Join(r.ByNature, ", ") + ")"
}

// exitCell names the expected status only where it was missed.
func (r row) exitCell() string {
	if r.WantExit == "" || r.Exit == r.WantExit {
		return r.Exit
	}
	return fmt.Sprintf("%s, not %s", r.Exit, r.WantExit)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func dash(left []string) string {
	if len(left) == 0 {
		return "-"
	}
	return strings.Join(left, ", ")
}
