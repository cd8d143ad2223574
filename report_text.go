package lastly

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// String is the compact form for a terminal: WriteTo's text.
func (r Report) String() string {
	var b strings.Builder
	_, _ = r.WriteTo(&b)
	return b.String()
}

// WriteTo writes the compact form for a terminal: a line for the scope, then one for each hook, children indented. Names
// are quoted, so that they can't disturb the terminal.
//
//	scope "process" closed in 152ms (cause: lastly: received signal: terminated), exit code 0
//	    #3 "http"  ok            +0s  120ms  *
//	    #1 "db"    ok         +120ms   32ms  *  after #3
//
// A star marks the critical path.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	r.write(&b, "")
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (r *Report) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%sscope %s %s", indent, strconv.Quote(r.Scope), r.State)
	switch r.State {
	case phaseClosed.String():
		fmt.Fprintf(b, " in %v", brief(r.Duration))
	case phaseOpen.String():
	default:
		fmt.Fprintf(b, " for %v", brief(r.Duration))
	}
	if r.Cause != nil {
		fmt.Fprintf(b, " (cause: %s)", oneLine(textOf(r.Cause)))
	}
	if r.ExitCode != nil {
		fmt.Fprintf(b, ", exit code %d", *r.ExitCode)
	}
	if r.Late > 0 {
		fmt.Fprintf(b, ", %d registered after the end", r.Late)
	}
	b.WriteByte('\n')
	name, outcome := 0, 0
	for i := range r.Hooks {
		name = max(name, len(strconv.Quote(r.Hooks[i].Name)))
		outcome = max(outcome, len(r.Hooks[i].Outcome))
	}
	for i := range r.Hooks {
		r.Hooks[i].write(b, indent, name, outcome)
	}
	for i := range r.Cycles {
		fmt.Fprintf(b, "%s  loop: %s\n", indent, oneLine(r.Cycles[i].Error()))
	}
	for i := range r.Unknown {
		fmt.Fprintf(b, "%s  unknown name: %s\n", indent, oneLine(r.Unknown[i].Error()))
	}
}

func (h *HookReport) write(b *strings.Builder, indent string, name, outcome int) {
	id := "     "
	if h.ID > 0 {
		id = fmt.Sprintf("%5s", "#"+strconv.Itoa(h.ID))
	}
	fmt.Fprintf(b, "%s %s %-*s  %-*s", indent, id, name, strconv.Quote(h.Name), outcome, h.Outcome)
	if h.Outcome != OutcomePending {
		fmt.Fprintf(b, " %8s %7s", "+"+brief(h.Start).String(), brief(h.Duration))
		if h.Critical {
			b.WriteString("  *")
		}
	}
	if h.Kind != kindHook.String() && h.Kind != "" {
		fmt.Fprintf(b, "  %s", h.Kind)
	}
	if h.Last {
		b.WriteString("  last")
	}
	writeIDs(b, "after", h.WaitsFor)
	if h.Outcome == OutcomePending {
		writeIDs(b, "beside", h.Beside)
		fmt.Fprintf(b, "  %s", h.Site)
	}
	if h.Note != "" {
		fmt.Fprintf(b, "  (%s)", oneLine(h.Note))
	}
	if h.Err != nil && h.Scope == nil {
		fmt.Fprintf(b, "  %s", oneLine(h.Err.Error()))
	}
	b.WriteByte('\n')
	if h.Scope != nil {
		h.Scope.write(b, indent+"      ")
	}
}

func writeIDs(b *strings.Builder, word string, ids []int) {
	const most = 8
	if len(ids) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s", word)
	for k, id := range ids {
		if k == most {
			fmt.Fprintf(b, " and %d more", len(ids)-most)
			return
		}
		fmt.Fprintf(b, " #%d", id)
	}
}

// brief rounds to three or so digits.
func brief(d time.Duration) time.Duration {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 10*unit {
			return d.Round(unit / 10)
		}
		if d >= unit {
			return d.Round(unit / 100)
		}
	}
	return d
}

// oneLine keeps text that somebody else wrote from disturbing the terminal.
func oneLine(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
