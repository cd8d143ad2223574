// Package matrix proves what lastly promises about deaths: real processes that hold real resources die real deaths, and
// then somebody looks at what is left.
//
// A row is one death of one process, the victim, which holds everything at once: a folder with a thousand files, a
// half-written file, a unix socket, a lock file, a child process, a grandchild that escaped from it, a cleanup of its
// own program, a command, and a request to another service. Each is a cell. It is clean if the resource is gone, was
// released exactly once (at least once where the death is in the middle of releasing it), and by whom the row says: the
// victim's own hooks, its guard, its next start, or a sweep. Beside it stand bystanders that must not be harmed, and when
// the row is over there must be no process of it, no journal, and nothing in its folder of temporary files.
//
// The victim is the program that imports this package, started again: it has to call Main first of all if IsRole.
// All of this is for Linux, where guards are. Elsewhere Run returns ErrUnsupported.
package matrix

import (
	"errors"
	"time"
)

// ErrUnsupported says that there are no guards on this system, so that there is nothing to prove.
var ErrUnsupported = errors.New("the matrix needs Linux: elsewhere there are no guards, and the next start settles")

// Options say what to run. The zero value means everything.
type Options struct {
	Deaths    []string  // by name; nil means all
	Resources []string  // by name; nil means all
	Parallel  int       // how many rows at a time; 0 means three
	Dir       string    // for the rows' folders; "" is the folder of temporary files
	Done      func(Row) // called, by one goroutine at a time, when a row is over; nil is nobody

	patience time.Duration // how long a guard may take; 0 means cleanLimit, tests have less
}

// A Result is what came of all rows.
type Result struct {
	Rows    []Row         `json:"rows"` // in the order of Deaths
	Cells   int           `json:"cells"`
	Clean   int           `json:"clean"`   // cells
	Skipped int           `json:"skipped"` // cells of rows that can't be had on this machine
	Dirty   int           `json:"dirty"`   // cells
	Took    time.Duration `json:"took_ns"`
}

// A Row is one death.
type Row struct {
	Death    string   `json:"death"`
	Title    string   `json:"title"`
	Clean    bool     `json:"clean"`             // all cells are, there are no Problems, and it was not skipped
	Skipped  string   `json:"skipped,omitempty"` // why it can't be had here
	Cells    []Cell   `json:"cells"`
	Problems []string `json:"problems"`      // what is wrong with the row as a whole: a bystander, a process or a file that is left
	By       []string `json:"by_documented"` // who may have released what the row held
	Exit     string   `json:"exit"`          // "exit 2", "signal killed"
	WantExit []string `json:"exit_expected"`
	// MS is from what caused the death until everything was released, in milliseconds; if that needed another start,
	// from that start.
	MS   int64  `json:"ms"`
	Note string `json:"note,omitempty"`
}

// A Cell is one resource in one death.
type Cell struct {
	Resource string `json:"resource"`
	Clean    bool   `json:"clean"`
	By       string `json:"by,omitempty"`    // who released it, as found out
	Times    int    `json:"times,omitempty"` // how often it was released, for those that count
	Problem  string `json:"problem,omitempty"`
}

// Who releases.
const (
	ByHook  = "hook"       // the process itself
	ByGuard = "guard"      // the guard of the process
	ByNext  = "next start" // the next start of the program, before its run
	BySweep = "sweep"      // another process, which sweeps
	ByDeath = "with it"    // nobody: a process that died the same death
	Nobody  = "left alone" // nobody, and rightly so
)

// OK reports whether no cell and no row is dirty. Skipped rows are not.
func (r Result) OK() bool {
	for _, row := range r.Rows {
		if !row.Clean && row.Skipped == "" {
			return false
		}
	}
	return r.Dirty == 0
}

// count fills in the sums.
func (r *Result) count() {
	for i := range r.Rows {
		row := &r.Rows[i]
		for _, c := range row.Cells {
			r.Cells++
			switch {
			case row.Skipped != "":
				r.Skipped++
			case c.Clean:
				r.Clean++
			default:
				r.Dirty++
			}
		}
	}
}

// judge decides whether a row is clean.
func (r *Row) judge() {
	r.Clean = r.Skipped == "" && len(r.Problems) == 0
	for _, c := range r.Cells {
		r.Clean = r.Clean && c.Clean
	}
}
