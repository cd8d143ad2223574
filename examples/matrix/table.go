package matrix

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteJSON prints a result as an object of JSON.
func (r Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteTable prints a result for people: a row for each death, a column for each resource with who released it.
func (r Result) WriteTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	heads := []string{"DEATH", "CLEAN", "EXIT", "MS"}
	if len(r.Rows) > 0 {
		for _, c := range r.Rows[0].Cells {
			heads = append(heads, strings.ToUpper(c.Resource))
		}
	}
	fmt.Fprintln(table, strings.Join(heads, "\t"))
	var notes []string
	for _, row := range r.Rows {
		title := row.Title
		if text := row.explain(); text != "" {
			notes = append(notes, text)
			title += fmt.Sprintf(" [%d]", len(notes))
		}
		fmt.Fprintln(table, strings.Join(append([]string{title}, row.columns()...), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, note := range notes {
		fmt.Fprintf(w, "[%d] %s\n", i+1, note)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.Summary())
	return err
}

// Summary is a line about all cells.
func (r Result) Summary() string {
	text := fmt.Sprintf("%d deaths, %d cells: %d clean, %d not clean", len(r.Rows), r.Cells, r.Clean, r.Dirty)
	if r.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", r.Skipped)
	}
	rows := 0
	for _, row := range r.Rows {
		if len(row.Problems) > 0 {
			rows++
		}
	}
	if rows > 0 {
		text += fmt.Sprintf("; %d deaths with other problems", rows)
	}
	return text + fmt.Sprintf("; in %v", r.Took.Round(100*time.Millisecond))
}

// columns are a row's, without its title.
func (r Row) columns() []string {
	if r.Skipped != "" {
		columns := []string{"skip", "", ""}
		for range r.Cells {
			columns = append(columns, "skip")
		}
		return columns
	}
	clean := "yes"
	if !r.Clean {
		clean = "NO"
	}
	columns := []string{clean, r.Exit, fmt.Sprint(r.MS)}
	for _, c := range r.Cells {
		text := c.By
		if !c.Clean {
			text = "NO"
		}
		if c.Times > 1 {
			text += fmt.Sprintf(" x%d", c.Times)
		}
		columns = append(columns, text)
	}
	return columns
}

// explain is what has to be said about a row below the table.
func (r Row) explain() string {
	if r.Skipped != "" {
		return "not here: " + r.Skipped
	}
	var text []string
	if r.Note != "" {
		text = append(text, r.Note)
	}
	for _, c := range r.Cells {
		if c.Problem != "" {
			text = append(text, "NOT CLEAN, "+c.Resource+": "+c.Problem)
		}
	}
	for _, p := range r.Problems {
		text = append(text, "NOT CLEAN: "+p)
	}
	return strings.Join(text, "; ")
}
