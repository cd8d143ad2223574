package durable

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A State says what a journal's owner is to whoever looks. The words are stable.
type State string

// The states of a journal.
const (
	Orphan    State = "orphan"    // its owner is gone: its records may be settled
	Alive     State = "alive"     // its owner lives, and settles by itself
	Settling  State = "settling"  // somebody else settles it
	Elsewhere State = "elsewhere" // another host's, or not to be judged from here
	Unusable  State = "unusable"  // broken, of another version, or not this user's
)

// An Outcome says what became of a record. The words are stable.
type Outcome string

// The outcomes of records.
const (
	Settled    Outcome = "settled"     // done, and struck
	Failed     Outcome = "failed"      // to be tried again, not before Due
	DeadLetter Outcome = "dead letter" // failed every attempt; kept until it is retried on demand, or expires
	Unknown    Outcome = "unknown"     // a kind that this program does not have; left in place
	Waiting    Outcome = "waiting"     // its next attempt is not due, or its turn did not come
	Expired    Outcome = "expired"     // a dead letter older than Options.Expire; dropped, as asked
)

// A Report says what Recover, Sweep or a guard found and did. Its JSON form is stable: names stay, new ones may be added;
// durations are integer nanoseconds, errors are text; json.Unmarshal reads it back. It contains no payloads: they may be private.
type Report struct {
	Began    time.Time
	Duration time.Duration
	Journals []JournalReport
}

// A JournalReport is about the records of one process.
type JournalReport struct {
	Path    string
	Program string // main module path
	Command string // its executable's base name
	Pid     int
	Created time.Time
	State   State
	Why     string // for every state but Orphan
	// Died says how the owner ended, as a guard learned it from the kernel: "exit 2", "signal killed"; "" is unknown.
	Died string
	// Crash is what the Go runtime wrote when the owner crashed, at most 64 KiB.
	Crash   string
	Damaged []string // records that were being written when the owner died, and never acknowledged; or a broken disk
	Records []RecordReport
}

// A RecordReport is about one record.
type RecordReport struct {
	ID       string // for good; also the idempotency key of a request
	Kind     string
	Name     string
	Site     string // file:line of the registration
	Outcome  Outcome
	Attempts int       // begun so far
	Due      time.Time // when it may be tried again; zero: now, or never
	Err      error
	Duration time.Duration
}

// Count returns how many records have one of the outcomes.
func (r Report) Count(outcomes ...Outcome) (n int) {
	for _, j := range r.Journals {
		for i := range j.Records {
			if slices.Contains(outcomes, j.Records[i].Outcome) {
				n++
			}
		}
	}
	return n
}

// String is a table for people.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d settled, %d failed, %d left, in %v\n", r.Count(Settled), r.Count(Failed, DeadLetter),
		r.Count(Unknown, Waiting), r.Duration.Round(time.Microsecond))
	for _, j := range r.Journals {
		fmt.Fprintf(&b, "%s %s (process %d)", j.State, j.Command, j.Pid)
		if j.Died != "" {
			fmt.Fprintf(&b, ", died: %s", j.Died)
		}
		if j.Why != "" {
			fmt.Fprintf(&b, ": %s", j.Why)
		}
		b.WriteByte('\n')
		for _, d := range j.Damaged {
			fmt.Fprintf(&b, "  damaged: %s\n", d)
		}
		for i := range j.Records {
			rec := &j.Records[i]
			fmt.Fprintf(&b, "  %-11s %-20s %q", rec.Outcome, rec.Kind, rec.Name)
			if rec.Err != nil {
				fmt.Fprintf(&b, "  %v", rec.Err)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
