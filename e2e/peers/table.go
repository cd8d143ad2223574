package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// A table is what was observed.
type table struct {
	Go      string   `json:"go"`
	System  string   `json:"system"`
	CPUs    int      `json:"cpus"`
	Columns []column `json:"columns"`
	Rows    []row    `json:"rows"`
}

type column struct {
	Peer    string `json:"peer"`
	Version string `json:"version"`
}

type row struct {
	Provocation string `json:"provocation"`
	Cells       []cell `json:"cells"`
}

type cell struct {
	Peer string `json:"peer"`
	verdict
	Status  string  `json:"status"`  // how the last child of the cell ended
	Seconds float64 `json:"seconds"` // and after how long
}

// newTable makes a table whose cells are still to be filled in.
func newTable(columns []peer, rows []provocation) *table {
	t := &table{
		Go:     runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:   runtime.NumCPU(),
	}
	for _, p := range columns {
		t.Columns = append(t.Columns, column{Peer: p.name, Version: p.version()})
	}
	for _, p := range rows {
		t.Rows = append(t.Rows, row{Provocation: p.name, Cells: make([]cell, len(columns))})
	}
	return t
}

// version is what the program was built with.
func (p peer) version() string {
	if p.module == "" {
		return runtime.Version()
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == p.module {
			return dep.Version
		}
	}
	return ""
}

// blemishes lists the rows in which a peer does badly, or has nothing to offer.
func (t *table) blemishes(peer string) []string {
	var list []string
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			if c.Peer == peer && c.Mark != good {
				list = append(list, r.Provocation+": "+c.Text)
			}
		}
	}
	return list
}

func (t *table) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(t)
}

// legend says how to read the table.
const legend = "Bold is what hurts; a dash stands for what a library does not have."

// markdown prints what a reader should mind in bold.
func (t *table) markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| |")
	for _, c := range t.Columns {
		fmt.Fprintf(&b, " %s |", c.Peer)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(t.Columns)) + "\n")
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s |", r.Provocation)
		for _, c := range r.Cells {
			format := " %s |"
			if c.Mark == bad {
				format = " **%s** |"
			}
			fmt.Fprintf(&b, format, c.Text)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%s\nObserved with %s on %s, %d CPUs", legend, t.Go, t.System, t.CPUs)
	for _, c := range t.Columns {
		if semver := strings.HasPrefix(c.Version, "v"); semver {
			fmt.Fprintf(&b, "; %s %s", c.Peer, c.Version)
		}
	}
	b.WriteString(".\n")
	_, err := io.WriteString(w, b.String())
	return err
}
