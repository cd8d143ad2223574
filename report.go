package lastly

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Outcome says what became of a hook. The words are stable.
type Outcome string

// The outcomes, in Report.
const (
	OutcomePending    Outcome = "pending"     // its turn has not come
	OutcomeRunning    Outcome = "running"     // it has started and not returned
	OutcomeOK         Outcome = "ok"          // it returned nil
	OutcomeFailed     Outcome = "failed"      // it returned an error
	OutcomePanicked   Outcome = "panicked"    // see PanicError
	OutcomeGoexit     Outcome = "goexit"      // it called runtime.Goexit
	OutcomeTimedOut   Outcome = "timed out"   // it returned after its time was over
	OutcomeAbandoned  Outcome = "abandoned"   // it did not return
	OutcomeNotStarted Outcome = "not started" // the flow's time was over before its turn
	OutcomeCanceled   Outcome = "canceled"    // it was unregistered while the scope closed
)

// outcome is an Outcome in one byte; a scope keeps one for each hook.
type outcome uint8

const (
	outcomeOK outcome = iota
	outcomeFailed
	outcomePanicked
	outcomeGoexit
	outcomeTimedOut
	outcomeAbandoned
	outcomeNotStarted
	outcomeCanceled
)

func (o outcome) name() Outcome {
	return [...]Outcome{
		OutcomeOK, OutcomeFailed, OutcomePanicked, OutcomeGoexit,
		OutcomeTimedOut, OutcomeAbandoned, OutcomeNotStarted, OutcomeCanceled,
	}[o]
}

// A Report says what closing a scope would do (the plan), does, or did. Its JSON form is stable: names stay, new ones
// may be added; durations are integer nanoseconds (names end in _ns), errors are text.
type Report struct {
	Scope    string
	State    string             // "open": the plan; "holding", "closing"; "closed": the facts
	Cause    error              // why the scope closes; nil while it is open
	ExitCode *int               // the process's; nil unless the report is of a process that is about to exit
	Began    time.Time          // when closing began; zero while it is open
	Duration time.Duration      // of the close, so far
	Holding  time.Duration      // of that, before the hooks: waiting for holds and Main's run
	Grace    time.Duration      // what the flow had, or would have
	Hooks    []HookReport       // in the order of registration, then holds that were not released, then late ones
	Cycles   []CycleError       // hooks that use each other in a loop, in the plan and in the facts
	Unknown  []UnknownNameError // in the plan: names that nobody registered
	Late     int                // hooks that were registered after everything had run, and ran at once
}

// A HookReport is one hook's line in a Report.
type HookReport struct {
	ID         int    // in the order of registration, from 1; holds have 0
	Kind       string // "hook", "go", "scope" (a child), "attached", "durable", "hold" or "run" (Main's)
	Name       string
	Site       string        // file:line of the registration
	Uses       []string      // "(nothing)" for Nothing
	Timeout    time.Duration // 0: the scope's HookTimeout
	Last       bool          // also because a Last hook names it
	BestEffort bool
	WaitsFor   []int // IDs: it starts when these have ended. What they wait for in turn is not repeated
	Beside     []int // IDs it is not ordered against, neither before nor after; nil in scopes of more than 2000 hooks
	Outcome    Outcome
	Start      time.Duration // since closing began
	Duration   time.Duration // so far, when it is running
	Critical   bool          // on the chain of hooks that decided how long it all took
	Err        error         // a *HookError, or nil
	Stack      string        // of a panic, or of the goroutine of an abandoned hook
	Scope      *Report       // of a child scope
	Note       string        // what Hook.Note tells; of a durable hook that has not run, also who settles it should the process die
}

// maxBeside bounds the quadratic part of a report.
const maxBeside = 2000

// Report tells the plan before the scope closes, what happens while it does, and what happened after. It may be called
// at any time, also from hooks.
func (s *Scope) Report() Report {
	grace, _, _ := s.settings()
	s.mu.Lock()
	f := s.flow
	r := Report{Scope: s.Name, State: s.phase.String(), Cause: s.cause, Grace: grace, Late: s.late.count}
	if s.exit != nil {
		code := s.exit.code
		r.ExitCode = &code
	}
	var rows []row
	if f == nil || s.phase == phaseHolding {
		rows = s.plannedRows()
	} else {
		rows = append(f.rows(), s.plannedRows()...)
		slices.SortStableFunc(rows, func(a, b row) int { return int(a.h.id) - int(b.h.id) })
	}
	hooks := make([]*Handle, len(rows))
	entries := make([]entry, len(rows))
	for i := range rows {
		h := rows[i].h
		hooks[i] = h
		entries[i] = entry{name: h.name, uses: h.uses, last: h.last}
	}
	if f != nil {
		r.Began, r.Duration, r.Holding, r.Grace = f.began, f.now(), f.holdsDone, f.grace
		if f.over {
			r.Duration = f.took
		} else if s.phase == phaseHolding {
			r.Holding = r.Duration
		}
		for _, held := range f.held {
			rows = append(rows, heldRow(held))
		}
	}
	for _, late := range s.late.records {
		rows = append(rows, recordRow(late))
	}
	s.mu.Unlock()

	// The rest needs no lock, and must not hold it: children have their own, and finding sites takes time.
	r.relate(rows, hooks, entries)
	r.Hooks = make([]HookReport, len(rows))
	for i := range rows {
		r.Hooks[i] = rows[i].report()
	}
	return r
}

// relate adds what the order says: who waits for whom, loops, names that nobody registered.
func (r *Report) relate(rows []row, hooks []*Handle, entries []entry) {
	g := newGraph(entries)
	waits, beside := g.relations(maxBeside)
	for i := range hooks {
		rows[i].Last = g.v[i].last
		rows[i].WaitsFor = idsOf(waits[i], hooks)
		if beside != nil {
			rows[i].Beside = idsOf(beside[i], hooks)
		}
	}
	for _, c := range g.cycles {
		r.Cycles = append(r.Cycles, CycleError{Scope: r.Scope, Members: membersOf(c, hooks)})
	}
	for _, u := range g.unknown {
		r.Unknown = append(r.Unknown, UnknownNameError{Scope: r.Scope, Hook: hooks[u.hook].member(), Name: u.name})
	}
}

func idsOf(is []int32, hooks []*Handle) []int {
	ids := make([]int, len(is))
	for k, i := range is {
		ids[k] = int(hooks[i].id)
	}
	return ids
}

func membersOf(is []int32, hooks []*Handle) []Member {
	members := make([]Member, len(is))
	for k, i := range is {
		members[k] = hooks[i].member()
	}
	return members
}

// row is what a HookReport is made of, gathered under the lock.
type row struct {
	h *Handle // nil for a hold
	HookReport
}

func (w *row) report() HookReport {
	hr := w.HookReport
	if h := w.h; h != nil {
		hr.ID, hr.Kind, hr.Name, hr.Site = int(h.id), h.kind.String(), h.label(), siteString(h.site)
		hr.Uses, hr.Timeout, hr.BestEffort = slices.Clone(h.uses), h.timeout, h.bestEffort
		if usesOf(hr.Uses) == useNothing {
			hr.Uses = []string{"(nothing)"}
		}
		if c, ok := h.ext.(*Scope); ok {
			sub := c.Report()
			hr.Scope = &sub
		}
		hr.Note = noteOf(h.ext, hr.Outcome == OutcomePending)
	}
	hr.Stack = stackIn(hr.Err)
	return hr
}

func stackIn(err error) string {
	var te *TimeoutError
	if he, ok := err.(*HookError); ok { //nolint:errorlint // a child's joined errors have their own rows
		if p, ok := he.Err.(*PanicError); ok { //nolint:errorlint // as above
			return string(p.Stack)
		}
		if errors.As(he.Err, &te) {
			return string(te.Stack)
		}
	}
	return ""
}

// plannedRows are the hooks that have not started in the closing flow: they wait, or were run early. What was registered
// too late for the flow has rows of its own. Called with the lock held.
func (s *Scope) plannedRows() []row {
	var rows []row
	for h := s.head; h != nil; h = h.next {
		if h.state == waiting || h.rec.f.solo && !h.late && h.rec.extra().mirror == nil && s.phase != phaseClosed {
			w := row{h: h}
			w.Outcome = OutcomePending
			if h.state == running {
				w.Outcome = OutcomeRunning
			}
			rows = append(rows, w)
		}
	}
	return rows
}

// rows are the hooks that have started. Called with the lock held.
func (f *flow) rows() []row {
	critical := make(map[*record]bool)
	for r := f.last; r != nil && f.over && !critical[r]; r = r.by {
		critical[r] = true
	}
	rows := make([]row, 0, f.size())
	f.eachRecord(func(r *record) {
		w := recordRow(r)
		w.Critical = critical[r]
		rows = append(rows, w)
	})
	return rows
}

func recordRow(r *record) row {
	w := row{h: r.h}
	w.Outcome, w.Err, w.Start = r.outcome.name(), r.err(), r.began
	switch r.state {
	case recordPending:
		w.Outcome, w.Start = OutcomePending, 0
	case recordRunning:
		w.Outcome, w.Duration = OutcomeRunning, r.f.now()-r.began
	default:
		w.Duration = r.ended - r.began
	}
	return w
}

func heldRow(held heldRecord) row {
	h := held.hold
	w := row{}
	w.Kind, w.Name, w.Site = "hold", h.label(), siteString(h.site)
	if h.run {
		w.Kind = "run"
	}
	w.Outcome, w.Err, w.Duration, w.Critical = OutcomeAbandoned, held.err, held.took, true
	return w
}

// MarshalJSON gives the stable form.
func (r Report) MarshalJSON() ([]byte, error) {
	type cycle struct {
		Members []Member `json:"members"`
	}
	type unknown struct {
		Hook Member `json:"hook"`
		Name string `json:"name"`
	}
	j := struct {
		Scope    string        `json:"scope"`
		State    string        `json:"state"`
		Cause    string        `json:"cause,omitempty"`
		ExitCode *int          `json:"exit_code,omitempty"`
		Began    *time.Time    `json:"began,omitempty"`
		Duration time.Duration `json:"duration_ns"`
		Holding  time.Duration `json:"holding_ns"`
		Grace    time.Duration `json:"grace_ns"`
		Hooks    []HookReport  `json:"hooks"`
		Cycles   []cycle       `json:"cycles,omitempty"`
		Unknown  []unknown     `json:"unknown_names,omitempty"`
		Late     int           `json:"late,omitempty"`
	}{
		Scope: r.Scope, State: r.State, Cause: textOf(r.Cause), ExitCode: r.ExitCode,
		Duration: r.Duration, Holding: r.Holding, Grace: r.Grace, Hooks: r.Hooks, Late: r.Late,
	}
	if !r.Began.IsZero() {
		j.Began = &r.Began
	}
	if j.Hooks == nil {
		j.Hooks = []HookReport{}
	}
	for _, c := range r.Cycles {
		j.Cycles = append(j.Cycles, cycle{c.Members})
	}
	for _, u := range r.Unknown {
		j.Unknown = append(j.Unknown, unknown{u.Hook, u.Name})
	}
	return json.Marshal(j)
}

// MarshalJSON gives the stable form.
func (h HookReport) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID         int           `json:"id,omitempty"`
		Kind       string        `json:"kind"`
		Name       string        `json:"name"`
		Site       string        `json:"site"`
		Uses       []string      `json:"uses,omitempty"`
		Timeout    time.Duration `json:"timeout_ns,omitempty"`
		Last       bool          `json:"last,omitempty"`
		BestEffort bool          `json:"best_effort,omitempty"`
		WaitsFor   []int         `json:"waits_for,omitempty"`
		Beside     []int         `json:"beside,omitempty"`
		Outcome    Outcome       `json:"outcome"`
		Start      time.Duration `json:"start_ns"`
		Duration   time.Duration `json:"duration_ns"`
		Critical   bool          `json:"critical,omitempty"`
		Error      string        `json:"error,omitempty"`
		Stack      string        `json:"stack,omitempty"`
		Scope      *Report       `json:"scope,omitempty"`
		Note       string        `json:"note,omitempty"`
	}{
		ID: h.ID, Kind: h.Kind, Name: h.Name, Site: h.Site, Uses: h.Uses, Timeout: h.Timeout, Last: h.Last, BestEffort: h.BestEffort,
		WaitsFor: h.WaitsFor, Beside: h.Beside, Outcome: h.Outcome, Start: h.Start, Duration: h.Duration, Critical: h.Critical,
		Error: textOf(h.Err), Stack: h.Stack, Scope: h.Scope, Note: h.Note,
	})
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprint(err) // not err.Error(): a cause may be anybody's, and fmt bears with it
}
