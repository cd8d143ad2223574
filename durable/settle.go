package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/journal"
)

// MaxAttempts is how often a record is tried before it is a dead letter: with the pauses in between (1 s, 4 s, 16 s ... at
// most 1 h) for 83 minutes at least.
const MaxAttempts = 8

// pauseAfter is how long to wait after the nth attempt.
func pauseAfter(attempts int) time.Duration {
	return min(time.Second<<(2*min(max(attempts, 1), 10)-2), time.Hour)
}

// A settler carries out the records of one orphaned journal, in the order of the rules: it registers them on scopes like
// those that they were registered on, and closes these.
type settler struct {
	journal *journal.Journal
	entries []journal.Entry                           // all that are or were in the journal: also one that is not tried has its say in the order
	skip    func(i int) bool                          // not in this pass; nil: none
	find    func(kind string) (k anyKind, why string) // nil, with the reason, for one that is not settled here
	pass    pass
	now     func() time.Time

	mu      sync.Mutex // guards what follows
	reports []RecordReport
	stopped bool
	running int    // attempts that have begun and not returned
	idle    func() // called when there are none; see whenIdle

	writing sync.Mutex // held while an entry is rewritten; guards entries
}

// A pass is what may differ between those who settle.
type pass struct {
	limit   time.Duration // in all
	retry   bool          // also dead letters, and what is not due
	expire  time.Duration // drop dead letters that were tried last so long ago; 0: never
	living  func(path string) bool
	gone    uint64           // a PID namespace that ended with the owner, its first process; 0: none
	release func(key uint64) // a lock that a guard held
	leaving func() bool      // finish the current record, and begin no other; nil: never
}

// run settles what can be settled, and returns what became of each record that was not skipped.
func (s *settler) run(ctx context.Context) []RecordReport {
	s.reports = make([]RecordReport, len(s.entries))
	// A flow in which all overruns takes about half of its reserve, too.
	root := &lastly.Scope{Name: "settle", Grace: s.pass.limit - min(s.pass.limit, lastly.Reserve)/2}
	tree := newTree()
	for i := range s.entries {
		e := &s.entries[i]
		s.reports[i] = reportOf(s.journal.Owner(), &e.Record)
		run := nothing
		if s.skip == nil || !s.skip(i) {
			run = s.plan(&s.reports[i], e)
		}
		tree.at(e.Record.Scopes).add(e.Record.Position, i, run)
	}
	tree.register(root, func(i int) *journal.Record { return &s.entries[i].Record })
	_ = root.Shutdown(ctx) // each error is in its record's report
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	var reports []RecordReport
	for i, r := range s.reports {
		if r.Outcome == "" {
			r.Outcome, r.Err = Failed, errors.New("it did not end in its time")
			r.Due = s.now().Add(pauseAfter(r.Attempts))
			s.rewrite(&s.entries[i], func(rec *journal.Record) { rec.LastError = r.Err.Error() })
		}
		if s.skip == nil || !s.skip(i) {
			reports = append(reports, r)
		}
	}
	return reports
}

// nothing is the run of an entry that only has a place.
func nothing(context.Context) error { return nil }

func reportOf(o journal.Owner, r *journal.Record) RecordReport {
	return RecordReport{
		ID: recordID(o, r.ID), Kind: r.Kind, Name: r.Name, Site: r.Site, Outcome: Waiting, Attempts: r.Attempts, Due: dueAt(r),
		Err: lastError(r),
	}
}

func lastError(r *journal.Record) error {
	if r.LastError == "" {
		return nil
	}
	return errors.New(r.LastError)
}

// dueAt is when a record may be tried again; zero if it was never tried.
func dueAt(r *journal.Record) time.Time {
	if r.Attempts == 0 {
		return time.Time{}
	}
	return r.Tried.Add(pauseAfter(r.Attempts))
}

// plan decides about one record. It returns what carries it out, or nothing if it is not its time.
func (s *settler) plan(r *RecordReport, e *journal.Entry) func(context.Context) error {
	rec := &e.Record
	kind, why := s.find(rec.Kind)
	now := s.now()
	switch {
	case rec.Dead && s.pass.expire > 0 && now.Sub(rec.Tried) >= s.pass.expire:
		r.Outcome = Expired
		if err := s.journal.Strike(e.Ref); err != nil {
			r.Outcome, r.Err = DeadLetter, err
		}
		return nothing
	case kind == nil:
		r.Outcome, r.Err = Unknown, errors.New(why)
		return nothing
	case rec.Dead && !s.pass.retry:
		r.Outcome, r.Due = DeadLetter, time.Time{}
		return nothing
	case rec.Attempts >= MaxAttempts && !s.pass.retry:
		// Each attempt ended the process that made it, or it would be a dead letter already.
		s.bury(r, e, cmp.Or(lastError(rec), errors.New("none of its attempts came back")))
		return nothing
	case !s.pass.retry && now.Before(dueAt(rec)) && now.Add(time.Hour).After(rec.Tried): // a clock that was set back counts as due
		r.Outcome = Waiting
		return nothing
	}
	return func(ctx context.Context) error { return s.attempt(ctx, r, e, kind) }
}

// attempt carries out one record. It is journaled before it begins, so that one that ends its settler is not tried for
// ever.
func (s *settler) attempt(ctx context.Context, r *RecordReport, e *journal.Entry, kind anyKind) (err error) {
	if s.pass.leaving != nil && s.pass.leaving() {
		return nil // its report says Waiting
	}
	s.begin()
	defer s.end()
	began := s.now()
	rec := s.rewrite(e, func(rec *journal.Record) { rec.Attempts, rec.Tried = rec.Attempts+1, began })
	s.note(func() { r.Attempts, r.Outcome, r.Due = rec.Attempts, "", time.Time{} })
	err = errGoexit // unless it returns
	defer func() {
		s.note(func() { r.Duration, r.Err = s.now().Sub(began), err })
		err = s.conclude(r, e, &rec, err)
	}()
	return s.carryOut(ctx, &rec, kind)
}

var errGoexit = errors.New("it ended its goroutine (runtime.Goexit)")

// conclude writes down how an attempt ended.
func (s *settler) conclude(r *RecordReport, e *journal.Entry, rec *journal.Record, err error) error {
	switch {
	case err == nil:
		s.writing.Lock()
		err = s.journal.Strike(e.Ref)
		s.writing.Unlock()
		s.note(func() { r.Outcome, r.Err = Settled, err })
	case rec.Attempts >= MaxAttempts:
		s.bury(r, e, err)
	default:
		s.rewrite(e, func(rec *journal.Record) { rec.LastError = err.Error() })
		s.note(func() { r.Outcome, r.Due = Failed, dueAt(rec) })
	}
	return err
}

// rewrite changes a record in the journal. If that is full, it is changed here at least: a full disk must not keep us from
// removing files.
func (s *settler) rewrite(e *journal.Entry, change func(*journal.Record)) journal.Record {
	s.writing.Lock()
	defer s.writing.Unlock()
	change(&e.Record)
	if ref, err := s.journal.Replace(e.Ref, &e.Record); err == nil {
		e.Ref = ref
	}
	return e.Record
}

func (s *settler) carryOut(ctx context.Context, rec *journal.Record, kind anyKind) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	run, err := kind.decode(rec.Payload)
	if err != nil {
		return err
	}
	ctx = withKey(ctx, recordID(s.journal.Owner(), rec.ID))
	if err = run(withPass(ctx, &s.pass)); err != nil {
		_ = err.Error() // one that panics does it here
	}
	return err
}

// bury makes a dead letter of a record.
func (s *settler) bury(r *RecordReport, e *journal.Entry, why error) {
	s.rewrite(e, func(rec *journal.Record) { rec.Dead, rec.LastError = true, why.Error() })
	s.note(func() { r.Outcome, r.Err, r.Due = DeadLetter, why, time.Time{} })
}

func (s *settler) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
}

func (s *settler) end() {
	s.mu.Lock()
	s.running--
	idle := s.idle
	last := s.running == 0 && idle != nil
	s.mu.Unlock()
	if last {
		idle()
	}
}

// whenIdle calls f when no attempt runs any more: now, or when the last one that was given up has returned. As long as one
// runs, the journal stays locked, so that nobody else makes another attempt at the same time.
func (s *settler) whenIdle(f func()) {
	s.mu.Lock()
	s.idle = f
	now := s.running == 0
	s.mu.Unlock()
	if now {
		f()
	}
}

// note changes a report, unless the settler was given up: then its reports are on their way to the caller.
func (s *settler) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		change()
	}
}

// passKey is the context key of the pass, for built-in kinds.
type passKey struct{}

func withPass(ctx context.Context, p *pass) context.Context {
	return context.WithValue(ctx, passKey{}, p)
}

// passFrom returns nil in the process that registered.
func passFrom(ctx context.Context) *pass {
	p, _ := ctx.Value(passKey{}).(*pass)
	return p
}
