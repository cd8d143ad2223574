package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// An exitReport is the JSON form of a lastly.Report, as far as it is drawn.
type exitReport struct {
	Scope    string        `json:"scope"`
	State    string        `json:"state"`
	Cause    string        `json:"cause"`
	ExitCode *int          `json:"exit_code"`
	Duration time.Duration `json:"duration_ns"`
	Holding  time.Duration `json:"holding_ns"`
	Hooks    []exitHook    `json:"hooks"`
	Late     int           `json:"late"`
}

type exitHook struct {
	ID       int            `json:"id"`
	Kind     string         `json:"kind"`
	Name     string         `json:"name"`
	Outcome  lastly.Outcome `json:"outcome"`
	Start    time.Duration  `json:"start_ns"`
	Duration time.Duration  `json:"duration_ns"`
	Critical bool           `json:"critical"`
	Error    string         `json:"error"`
	Scope    *exitReport    `json:"scope"`
	Note     string         `json:"note"`
}

// A drawing is a report on its way to a terminal, or a file.
type drawing struct {
	w     io.Writer
	paint paint
	width int

	names int // columns for names
	bars  int // columns for bars
}

// Columns beside names and bars.
const (
	outcomeColumns = 11
	timeColumns    = 9
	beside         = 2 + 2 + outcomeColumns + 2 + 2 + timeColumns
	leastBars      = 10
	mostNames      = 40
)

func (d *drawing) printf(format string, args ...any) { _, _ = fmt.Fprintf(d.w, format, args...) }

// exit draws the end of a process, or of a scope.
func (d *drawing) exit(r *exitReport) {
	d.printf("scope %s %s in %v", strconv.Quote(r.Scope), clean(r.State), brief(r.Duration))
	if r.Cause != "" {
		d.printf(", because of: %s", clean(r.Cause))
	}
	if r.ExitCode != nil {
		d.printf(", exit code %d", *r.ExitCode)
	}
	d.printf("\n")
	d.names = min(nameColumns(r, 0), mostNames)
	d.bars = max(d.width-d.names-beside, leastBars)
	if r.Holding > 0 {
		d.row("", "waiting for work in progress", "", bar{0, r.Holding, false}, r.Duration, "")
	}
	d.hooks(r, "", 0, r.Duration)
	if r.Late > 0 {
		d.printf("%s registered after the end\n", count(r.Late, "hook was", "hooks were"))
	}
}

func nameColumns(r *exitReport, depth int) int {
	most := 0
	for i := range r.Hooks {
		h := &r.Hooks[i]
		most = max(most, 2*depth+len([]rune(clean(h.Name))))
		if h.Scope != nil {
			most = max(most, nameColumns(h.Scope, depth+1))
		}
	}
	return most
}

// hooks draws a scope's hooks; from is when the scope began to close, since the outermost one did.
func (d *drawing) hooks(r *exitReport, indent string, from, all time.Duration) {
	for i := range r.Hooks {
		h := &r.Hooks[i]
		note := h.Error
		if h.Scope != nil {
			note = "" // its hooks say it
		} else if note == "" {
			note = h.Note
		}
		d.row(indent, h.Name, h.Outcome, bar{from + h.Start, h.Duration, h.Critical}, all, note)
		if h.Scope != nil {
			d.hooks(h.Scope, indent+"  ", from+h.Start, all)
		}
	}
}

// A bar is when something ran.
type bar struct {
	start, took time.Duration
	critical    bool
}

func (d *drawing) row(indent, name string, outcome lastly.Outcome, b bar, all time.Duration, note string) {
	title := indent + clean(name)
	d.printf("  %s  %s |%s| %*s\n", padded(fit(title, d.names), d.names), d.paint.in(colourOf(string(outcome)), fmt.Sprintf("%-*s", outcomeColumns, outcome)),
		d.bar(b, all), timeColumns, brief(b.took))
	if note != "" {
		d.printf("  %s  %s\n", indent, d.paint.in(dim, clean(note)))
	}
}

func padded(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-len([]rune(s)), 0))
}

// bar draws one: at least one character wide, so that nothing that ran is invisible.
func (d *drawing) bar(b bar, all time.Duration) string {
	if all <= 0 || b.took == 0 && b.start == 0 {
		return strings.Repeat(" ", d.bars)
	}
	at := func(t time.Duration) int { return int(float64(min(t, all)) / float64(all) * float64(d.bars)) }
	from := min(at(b.start), d.bars-1)
	to := min(max(at(b.start+b.took), from+1), d.bars)
	mark, colour := "=", ""
	if b.critical {
		mark, colour = "#", bold
	}
	drawn := strings.Repeat(mark, to-from)
	if colour != "" {
		drawn = d.paint.in(colour, drawn)
	}
	return strings.Repeat(" ", from) + drawn + strings.Repeat(" ", d.bars-to)
}

func colourOf(outcome string) string {
	switch outcome {
	case "ok", "settled":
		return green
	case "pending", "canceled", "waiting", "unknown", "expired", "running":
		return yellow
	case "":
		return dim
	}
	return red
}

// settling draws what a guard, a start or a sweep did.
func (d *drawing) settling(r durable.Report) {
	d.printf("%s: %d settled, %d failed, %d left, in %v\n", r.Began.Local().Format("2006-01-02 15:04:05"), r.Count(durable.Settled),
		r.Count(durable.Failed, durable.DeadLetter), r.Count(durable.Unknown, durable.Waiting), brief(r.Duration))
	for i := range r.Journals {
		d.journal(&r.Journals[i], r.Duration)
	}
}

func (d *drawing) journal(j *durable.JournalReport, all time.Duration) {
	d.printf("%s (process %d)", clean(j.Command), j.Pid)
	if j.Died != "" {
		d.printf(" died: %s", d.paint.in(red, clean(j.Died)))
	}
	if j.Why != "" {
		d.printf(": %s, %s", j.State, clean(j.Why))
	}
	d.printf("\n")
	for _, damage := range j.Damaged {
		d.printf("  %s\n", d.paint.in(yellow, "damaged: "+clean(damage)))
	}
	d.names = 0
	for i := range j.Records {
		d.names = min(max(d.names, len([]rune(clean(recordTitle(&j.Records[i]))))), mostNames)
	}
	d.bars = max(d.width-d.names-beside, leastBars)
	for i := range j.Records {
		rec := &j.Records[i]
		note := ""
		if rec.Err != nil {
			note = rec.Err.Error()
		}
		d.row("", recordTitle(rec), lastly.Outcome(rec.Outcome), bar{0, rec.Duration, false}, all, note)
	}
	if j.Crash != "" {
		d.printf("  crash:\n")
		for line := range strings.Lines(j.Crash) {
			d.printf("    %s\n", d.paint.in(dim, clean(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    "))))
		}
	}
}

func recordTitle(r *durable.RecordReport) string {
	if r.Name == "" {
		return r.Kind + " " + r.Site
	}
	return r.Kind + " " + r.Name
}
