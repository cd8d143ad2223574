package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// A table is what was observed.
type table struct {
	Go          string        `json:"go"`
	System      string        `json:"system"`
	CPUs        int           `json:"cpus"`
	Rate        int           `json:"requests_per_second"`
	Poll        time.Duration `json:"poll_ns"`
	Propagation time.Duration `json:"propagation_ns"`
	DrainDelay  time.Duration `json:"drain_delay_ns"`
	Rows        []row         `json:"rows"`
}

// A row is what became of one wiring.
type row struct {
	Wiring      string       `json:"wiring"`
	Requests    int          `json:"requests"`
	Lost        map[loss]int `json:"lost"`
	Restarts    int          `json:"restarts"`
	SlowestExit float64      `json:"slowest_exit_seconds"` // 0 without restarts
	Seconds     float64      `json:"seconds"`              // of all of it
	MustBeClean bool         `json:"must_be_clean"`
}

func newTable(s settings) *table {
	return &table{
		Go:          runtime.Version(),
		System:      runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:        runtime.NumCPU(),
		Rate:        s.rate,
		Poll:        s.poll,
		Propagation: s.delay,
		DrainDelay:  s.drain,
	}
}

// failed is how many requests were lost.
func (r row) failed() (n int) {
	for _, k := range r.Lost {
		n += k
	}
	return n
}

// blemishes lists the rows that lost requests and must not.
func (t *table) blemishes() []string {
	var list []string
	for _, r := range t.Rows {
		if r.MustBeClean && r.failed() > 0 {
			list = append(list, fmt.Sprintf("%s: %d of %d requests lost", r.Wiring, r.failed(), r.Requests))
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
	b.WriteString("| wiring | requests | failed |")
	for _, what := range losses() {
		fmt.Fprintf(&b, " %s |", what)
	}
	b.WriteString(" restarts | slowest exit |\n|---|---|---|" + strings.Repeat("---|", len(losses())) + "---|---|\n")
	for _, r := range t.Rows {
		failed := "0"
		if n := r.failed(); n > 0 {
			failed = fmt.Sprintf("**%d**", n)
		}
		fmt.Fprintf(&b, "| %s | %d | %s |", r.Wiring, r.Requests, failed)
		for _, what := range losses() {
			fmt.Fprintf(&b, " %d |", r.Lost[what])
		}
		slowest := "-"
		if r.Restarts > 0 {
			slowest = fmt.Sprintf("%.2f s", r.SlowestExit)
		}
		fmt.Fprintf(&b, " %d | %s |\n", r.Restarts, slowest)
	}
	fmt.Fprintf(&b, "\n%s on %s, %d CPUs, %d requests a second; readiness is asked for every %v and acted on %v later; the drain delay is %v.\n",
		t.Go, t.System, t.CPUs, t.Rate, t.Poll, t.Propagation, t.DrainDelay)
	_, err := io.WriteString(w, b.String())
	return err
}
