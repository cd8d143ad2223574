package lastly

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
)

type recordState uint8

const (
	recordPending recordState = iota
	recordRunning
	recordEnding // it has ended or was given up; its line is being logged
	recordOver
)

// record is one hook's part in a flow. There may be a hundred thousand, so what few need lies behind pointers. Guarded by the scope's mutex, except for run and
// goroutine.
type record struct {
	h         *Handle
	f         *flow
	run       func(context.Context) error // moved here from h; only its worker touches it
	began     time.Duration
	ended     time.Duration
	deadline  time.Duration // when its context ends
	giveUp    time.Duration // when it is abandoned
	failure   *HookError
	by        *record   // whose end let it start
	real      *lookedAt // its context, when somebody looked at it
	*extras             // nil for most
	goroutine atomic.Int64
	heapIndex int32
	state     recordState
	ctxOver   bool
	outcome   outcome
	soft      bool // its failure changes no exit code
}

// extras are what few records have.
type extras struct {
	mirror *record       // an early run's: the record that the closing flow keeps for the same hook
	waiter chan struct{} // closed when it is over; made when somebody waits
}

func (r *record) extra() *extras {
	if r.extras == nil {
		r.extras = &extras{}
	}
	return r.extras
}

// err is the failure as an error: nil when there is none.
func (r *record) err() error {
	if r.failure == nil {
		return nil
	}
	return r.failure
}

// limits are what this hook leaves to the child scope that it closes: its own reserve lies before the point where the
// parent would give it up.
func (r *record) limits() (grace, end time.Time) {
	s := r.f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.f.limitsOf(r)
}

func (f *flow) limitsOf(r *record) (grace, end time.Time) {
	margin := (r.giveUp - r.deadline) / 8
	return f.began.Add(r.deadline), f.began.Add(r.giveUp - margin)
}

// await waits until the hook is over and returns its result.
func (r *record) await(ctx context.Context) error {
	s := r.f.s
	s.mu.Lock()
	if r.state == recordOver {
		s.mu.Unlock()
		return r.err()
	}
	if r.extra().waiter == nil {
		r.waiter = make(chan struct{})
	}
	waiter := r.waiter
	s.mu.Unlock()
	if in := callerInside(ctx); in != nil {
		w, ok := beginWait(in, nil, r.h)
		if !ok {
			return ErrClosing
		}
		defer endWait(w)
	}
	select {
	case <-waiter:
		s.mu.Lock()
		defer s.mu.Unlock()
		return r.err()
	case <-ctx.Done():
		return &awaitError{"hook " + r.h.label(), ctx.Err()}
	}
}

// startAll marks hooks as running; the caller hands them to spawn or runs one itself.
func (f *flow) startAll(ready []int32) []*record {
	if len(ready) == 0 {
		return nil
	}
	started := make([]*record, len(ready))
	now := f.now()
	for k, i := range ready {
		started[k] = f.start(f.at[i], now)
	}
	return started
}

func (f *flow) start(h *Handle, now time.Duration) *record {
	if f.g != nil {
		f.g.start(h.number)
	}
	r := f.newRecord(h)
	r.state = recordRunning
	r.run, h.run = h.run, nil
	h.rec, h.state = r, running
	r.began = now
	f.setDeadline(r, now)
	f.watchOver(r)
	return r
}

// spawn runs started hooks, each in a goroutine of its own.
func (f *flow) spawn(started []*record) {
	for _, r := range started {
		go r.f.work(r) // ends when the hook returns and no other is ready; given up when the hook hangs
	}
}

// work runs a hook, then whatever its end lets start.
func (f *flow) work(r *record) {
	in := insider{scope: f.s, h: r.h}
	in.enter()
	returned := false
	defer func() {
		in.leave()
		if returned {
			return
		}
		// Goexit: this goroutine can't go on, another one does. Exit, called by a hook, is no failure of the hook.
		var err error = ErrGoexit
		if in.exited {
			err = nil
		}
		if next := f.ended(r, err); next != nil {
			go f.work(next) // as above
		}
	}()
	for r != nil {
		in.h = r.h
		r.goroutine.Store(in.id)
		run := r.run
		r.run = nil
		err := protect(run, (*hookContext)(r))
		r = f.ended(r, err)
	}
	returned = true
}

// protect calls foreign code and turns a panic into an error.
func protect(run func(context.Context) error, ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return run(ctx)
}

// ended notes that the hook has returned err, starts what its end lets start, and returns one of those for the calling
// worker to run.
func (f *flow) ended(r *record, err error) (mine *record) {
	s := f.s
	s.mu.Lock()
	defer (*hookContext)(r).endLocked().end(context.Canceled)
	if r.state != recordRunning { // it was given up; the flow has gone on without it
		s.mu.Unlock()
		return nil
	}
	now := f.now()
	f.judge(r, err, now)
	f.unwatch(r)
	if f.logger != nil && (r.failure != nil || f.debug) {
		r.state = recordEnding
		s.mu.Unlock()
		f.logHook(r)
		s.mu.Lock()
		now = f.now()
	}
	next, others := f.conclude(r, now)
	s.mu.Unlock()
	f.spawn(others)
	if r.h.kind == kindAttached {
		r.h.ext.(*attachment).stop(s)
	}
	return next
}

// judge decides what to call the way in which a hook ended.
func (f *flow) judge(r *record, err error, now time.Duration) {
	r.ended = now
	if err == nil && now < r.deadline {
		r.outcome = outcomeOK
		return
	}
	r.outcome, err = verdict(err, now-r.began, now >= r.deadline)
	f.fail(r, err)
}

// verdict names a failure.
func verdict(err error, took time.Duration, overran bool) (outcome, error) {
	var p *PanicError
	switch {
	case overran:
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			err = nil // that is what a timeout looks like from within
		}
		return outcomeTimedOut, &TimeoutError{After: took, Err: err}
	case err == ErrGoexit: //nolint:errorlint // the very value, made by work
		return outcomeGoexit, err
	case errors.As(err, &p):
		return outcomePanicked, err
	}
	return outcomeFailed, err
}

// fail keeps the error of a hook.
func (f *flow) fail(r *record, err error) {
	r.failure = r.h.failure(err)
	f.errs = append(f.errs, r.failure)
	if r.soft = r.h.bestEffort || f.softChild(r.h); !r.soft {
		f.hard++
	}
}

// softChild reports whether all that failed in a child scope was best effort.
func (f *flow) softChild(h *Handle) bool {
	c, ok := h.ext.(*Scope)
	if !ok {
		return false
	}
	c.mu.Lock() // a parent's mutex may be held while its child's is taken, never the other way round
	defer c.mu.Unlock()
	return c.settled && c.flow.hard == 0
}

// conclude takes an ended hook out of everything. It returns the hooks that start because of it: one for the worker that
// asks, and the others.
func (f *flow) conclude(r *record, now time.Duration) (mine *record, others []*record) {
	h := r.h
	h.state = finished
	h.run = nil
	f.s.unlink(h)
	if f.solo && !h.late {
		f.s.insiders--
		f.s.solos--
	}
	mine, others = f.endRecord(r, now)
	if r.extras != nil && r.mirror != nil {
		m := r.mirror
		// The hook was run early and its scope has begun to close since: that flow goes on too.
		c := m.f
		m.outcome, m.began, m.ended = r.outcome, max(0, c.now()-(r.ended-r.began)), c.now()
		if m.failure = r.failure; m.failure != nil {
			c.errs = append(c.errs, m.failure)
			if m.soft = r.soft; !m.soft {
				c.hard++
			}
		}
		one, more := c.endRecord(m, c.now())
		if others = append(others, more...); one != nil {
			others = append(others, one)
		}
	}
	return mine, others
}

// endRecord notes in its flow that a hook is over, and starts what may start because of it.
func (f *flow) endRecord(r *record, now time.Duration) (mine *record, others []*record) {
	r.state = recordOver
	if r.extras != nil && r.waiter != nil {
		close(r.waiter)
	}
	if f.over {
		return nil, nil
	}
	f.last = r
	if f.solo || f.s.count == 0 {
		f.finish()
		return nil, nil
	}
	if f.g == nil {
		if next := f.s.tail; next.state == waiting {
			mine = f.start(next, now)
			mine.by = r
		}
		return mine, nil
	}
	ready := f.g.end(r.h.number, f.scratch[:0])
	f.scratch = ready[:0]
	for _, i := range ready {
		next := f.start(f.at[i], now)
		next.by = r
		if mine == nil {
			mine = next
		} else {
			others = append(others, next)
		}
	}
	return mine, others
}

// settle ends a hook that did not run: it was cancelled, its child scope was closed by itself, or its Go ended. It has left
// the list already. settle returns what starts because of it.
func (f *flow) settle(h *Handle, how outcome, err error) []*record {
	now := f.now()
	r := f.newRecord(h)
	h.rec = r
	r.outcome, r.began, r.ended = how, now, now
	if err != nil {
		f.fail(r, err)
	}
	if f.g == nil && f.s.count > 0 {
		r.state = recordOver
		return nil // another one runs, and what comes next is next still
	}
	mine, others := f.endRecord(r, now)
	if mine != nil {
		others = append(others, mine)
	}
	return others
}
