package lastly

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A flow is one run of cleanups: the close of a scope, or one hook that is run early. Its state is guarded by the scope's
// mutex. The goroutine that began it only waits; workers run the hooks (worker.go), a timer watches them (watch.go).
type flow struct {
	s      *Scope
	began  time.Time
	values context.Context // whose values the hooks' contexts carry
	logger *slog.Logger
	debug  bool
	solo   bool // runs one hook early or late; s.flow is another one, or none

	// Points in time, counted from began.
	grace       time.Duration
	end         time.Duration // the flow is over then, whatever has not ended
	hookTimeout time.Duration
	holdsDone   time.Duration // when the hooks started
	took        time.Duration // when it was over

	holdsOver chan struct{} // closed when the last hold is released; nil when nobody waits
	hurried   chan struct{} // closed when the grace was cut short; nil until somebody waits for holds

	// The order. While every hook is a plain one (it names nothing and is not Last), the scope's list is the order: the
	// youngest runs, then the one before it. A graph is made when there is more to know.
	g     *graph
	at    []*Handle // by number in g
	loops [][]*Handle

	records []record   // the current chunk
	full    [][]record // earlier chunks: everything that ever started, in that order
	mirrors []*record  // of hooks that were run early and ran when this flow began
	held    []heldRecord
	over    bool
	done    sync.WaitGroup
	errs    []error // in the order in which they happened
	hard    int     // failures that count for the exit code
	last    *record // the one that ended last

	running    byGiveUp
	timer      *time.Timer
	armed      time.Duration // when timer fires; 0 when there is none
	stacks     stackTaker
	idle       []chan *record // workers that have nothing to do; closed when the flow is over
	scratch    []int32        // of endRecord
	abandoning bool           // onTimer is at work
	rushed     bool           // the grace was cut short: the contexts of running hooks have to be ended by hand

	// Room for the few hooks of a scope that is made per request.
	room struct {
		records [4]record
		running [1]*record
	}
}

// limits are what a parent leaves to a child.
type limits struct{ grace, end time.Time }

// newFlow needs no lock.
func newFlow(s *Scope, ctx context.Context, lim *limits) *flow {
	grace, hookTimeout, logger := s.settings()
	f := &flow{s: s, began: time.Now(), values: ctx, logger: logger, hookTimeout: hookTimeout}
	f.grace = grace
	f.end = grace + Reserve
	if lim != nil {
		f.tighten(lim)
	} else if deadline, ok := ctx.Deadline(); ok {
		f.grace = max(0, min(f.grace, deadline.Sub(f.began)))
		f.end = f.grace + Reserve
	}
	return f
}

func (f *flow) now() time.Duration { return time.Since(f.began) }

// tighten bounds the flow by what a parent leaves it.
func (f *flow) tighten(lim *limits) {
	if f.s.parent != nil && f.s.Grace <= 0 && lim.grace.Sub(f.began) > f.grace {
		f.grace = lim.grace.Sub(f.began) // its own default is no reason to take less than the parent gives
	}
	f.grace = max(0, min(f.grace, lim.grace.Sub(f.began)))
	f.end = max(0, lim.end.Sub(f.began))
	f.end = min(f.end, f.grace+Reserve)
}

// shutdown is Shutdown with what only this package may add: a cause, and a parent's limits.
func (s *Scope) shutdown(ctx context.Context, cause error, lim *limits) error {
	for {
		s.mu.Lock()
		if s.phase != phaseOpen {
			if lim != nil && !s.settled {
				s.flow.hurry(lim)
			}
			s.mu.Unlock()
			if lim != nil {
				// A parent's hook: it waits as long as the child has, and is given up by the parent after that.
				return s.await(context.Background(), ctx)
			}
			return s.await(ctx, ctx)
		}
		mayBeInside := s.insiders > 0
		s.mu.Unlock()

		f := newFlow(s, ctx, lim)
		if lim != nil {
			ctx = context.Background() // the parent hurries it, by hurry; its context need not be watched
		}
		mayWait := true
		if mayBeInside || insiderCount.Load() > 0 {
			if in := callerInside(f.values); in != nil {
				var w *wait
				if w, mayWait = beginWait(in, s, nil); mayWait {
					defer endWait(w)
				}
			}
		}
		s.mu.Lock()
		if s.phase != phaseOpen {
			s.mu.Unlock()
			continue // somebody else was faster
		}
		byItself := cause != nil && lim == nil && s.parent != nil // a Go failed: nobody waits for the result
		if cause == nil {
			cause = ErrClosing
		}
		s.phase, s.flow, s.cause = phaseHolding, f, cause
		s.claimed = !byItself
		s.mu.Unlock()
		if !mayWait {
			go f.close(ctx) // ends with the flow
			return ErrClosing
		}
		f.close(ctx)
		return s.err
	}
}

// callerInside finds out which insider calls: by its goroutine, or by a hook's context in another goroutine's hands.
func callerInside(ctx context.Context) *insider {
	if in := thisInsider(); in != nil {
		return in
	}
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		return &insider{scope: r.f.s, h: r.h}
	}
	return nil
}

// await waits for the close that somebody else began; by is a context of whoever asks.
func (s *Scope) await(ctx, by context.Context) error {
	s.mu.Lock()
	s.claimed = true
	if s.settled {
		s.mu.Unlock()
		return s.err
	}
	done := s.doneLocked()
	s.mu.Unlock()
	if in := callerInside(by); in != nil {
		w, ok := beginWait(in, s, nil)
		if !ok {
			return ErrClosing
		}
		defer endWait(w)
	}
	select {
	case <-done:
		return s.err
	case <-ctx.Done():
		return &awaitError{s.title(), ctx.Err()}
	}
}

// awaitError is what a later closer gets when its own patience ends first.
type awaitError struct {
	scope string
	err   error
}

func (e *awaitError) Error() string {
	return "lastly: " + e.scope + " is still closing: " + e.err.Error()
}
func (e *awaitError) Unwrap() error { return e.err }

// close runs the flow to its end. Nothing in it can block for longer than the flow's end.
func (f *flow) close(ctx context.Context) {
	s := f.s
	s.mu.Lock()
	cancel, cause := s.cancel, s.cause
	s.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			s.mu.Lock()
			f.hurry(&limits{grace: time.Now(), end: time.Now().Add(Reserve)})
			s.mu.Unlock()
		})
		defer stop()
	}
	f.logBegin(cause)
	f.runHooks(f.awaitHolds())
	f.settleScope()
	f.logEnd()
}

// awaitHolds waits until nothing is held, at most HookTimeout. It returns the stacks of those that it will not wait for
// any longer.
func (f *flow) awaitHolds() map[int64][]byte {
	s := f.s
	limit := time.Duration(-1)
	for {
		s.mu.Lock()
		now := f.now()
		if limit < 0 {
			limit = now + f.hookTimeout
		}
		left := min(limit, f.grace) - now
		if s.holds == nil || left <= 0 {
			var ids []int64
			for h := s.holds; h != nil; h = h.next {
				if h.goroutine != 0 {
					ids = append(ids, h.goroutine)
				}
			}
			s.mu.Unlock()
			return f.stacks.takeAll(ids, true)
		}
		over := make(chan struct{})
		f.holdsOver = over
		if f.hurried == nil {
			f.hurried = make(chan struct{})
		}
		hurried := f.hurried
		s.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-over:
		case <-hurried: // look at the clock again
		case <-timer.C:
		}
		timer.Stop()
	}
}

// heldRecord is what the report says of a hold that was not released in time.
type heldRecord struct {
	hold *hold
	err  error
	for_ time.Duration
}

// giveUpHolds goes on without what is still held. Called with the lock held.
func (f *flow) giveUpHolds(stacks map[int64][]byte) {
	s := f.s
	f.holdsOver = nil
	f.holdsDone = f.now()
	for h := s.holds; h != nil; h = s.holds {
		s.forgetHold(h)
		err := holdFailure(h, stacks[h.goroutine])
		f.errs = append(f.errs, err)
		f.hard++
		f.held = append(f.held, heldRecord{h, err, f.now()})
	}
}

// runHooks makes the order of what is registered and runs it. From its beginning on, Hold is refused.
func (f *flow) runHooks(stacks map[int64][]byte) {
	s := f.s
	unclaimed := s.unclaimedErrors()
	s.mu.Lock()
	s.phase = phaseRunning
	f.errs = append(f.errs, s.early...)
	f.hard += s.earlyHard
	s.early, s.earlyHard = nil, 0
	for _, u := range unclaimed {
		f.errs = append(f.errs, u)
		if !u.BestEffort {
			f.hard++
		}
	}
	f.giveUpHolds(stacks)
	f.done.Add(1)
	if s.odd > 0 || s.solos > 0 {
		f.makeGraph()
	}
	if s.count == 0 {
		f.finish()
	} else {
		f.arm(f.end)
		f.launchFirst()
	}
	s.mu.Unlock()
	f.done.Wait()
}

// launchFirst starts what nothing has to wait for.
func (f *flow) launchFirst() {
	if f.g != nil {
		f.launchAll(f.g.ready(nil))
	} else if h := f.s.tail; h != nil {
		f.launch(h, f.now())
	}
}

// makeGraph makes an order of everything that is registered and has not ended.
func (f *flow) makeGraph() {
	s := f.s
	f.at = make([]*Handle, 0, s.count)
	entries := make([]entry, 0, s.count)
	for h := s.head; h != nil; h = h.next {
		if h.state == running && h.rec.f != f && h.rec.extra().mirror == nil {
			f.mirrorOf(h)
		}
		h.number = int32(len(f.at))
		f.at = append(f.at, h)
		entries = append(entries, entry{
			name: h.name, uses: h.uses, last: h.last, started: h.state == running, late: h.late,
		})
	}
	f.g = newGraph(entries)
	for _, i := range f.g.lasts {
		f.at[i].last = true // it stays so, also when the Last hook that names it is gone
	}
	for _, c := range f.g.cycles {
		loop := make([]*Handle, len(c))
		for k, i := range c {
			loop[k] = f.at[i]
		}
		f.loops = append(f.loops, loop)
	}
}

// mirrorOf makes the record of a hook that was run early and still runs: when that ends, this one does. Its own flow
// watches it, within what this flow has left.
func (f *flow) mirrorOf(h *Handle) {
	m := f.newRecord(h)
	m.state = recordRunning
	m.extra().early = h.rec
	h.rec.extra().mirror = m
	m.began = f.now()
	m.deadline, m.giveUp = maxDuration, maxDuration
	f.mirrors = append(f.mirrors, m)
	f.boundMirror(m, m.began)
}

func (f *flow) boundMirror(m *record, now time.Duration) {
	deadline, giveUp := m.deadline, m.giveUp
	f.setDeadline(m, now)
	m.deadline, m.giveUp = min(deadline, m.deadline), min(giveUp, m.giveUp)
	grace, end := f.limitsOf(m)
	m.early.f.hurry(&limits{grace: grace, end: end})
}

// join takes a hook that was registered late into the flow.
func (f *flow) join(h *Handle) {
	h.late = true
	if f.g == nil {
		if f.s.odd > 0 {
			f.makeGraph()
			f.launchFirst()
		}
		return // a plain one is the youngest now, so it comes next
	}
	i, ok := f.g.add(entry{name: h.name, uses: h.uses, last: h.last, late: true})
	if !ok {
		f.makeGraph()
		f.launchFirst()
		return
	}
	h.number = i
	f.at = append(f.at, h)
	if f.g.mayStart(i) {
		f.launch(h, f.now())
	}
}

// newRecord notes that h takes its part in the flow.
func (f *flow) newRecord(h *Handle) *record {
	if len(f.records) == cap(f.records) {
		if f.records != nil {
			f.full = append(f.full, f.records)
			f.records = make([]record, 0, min(4*cap(f.records), 1024))
		} else {
			f.records = f.room.records[:0]
		}
	}
	f.records = f.records[:len(f.records)+1]
	r := &f.records[len(f.records)-1]
	r.h, r.f = h, f
	return r
}

// eachRecord calls visit for everything that took part, in the order of the start.
func (f *flow) eachRecord(visit func(*record)) {
	for _, chunk := range append(f.full[:len(f.full):len(f.full)], f.records) {
		for i := range chunk {
			visit(&chunk[i])
		}
	}
}

// size is how many hooks took part.
func (f *flow) size() int {
	n := len(f.records)
	for _, chunk := range f.full {
		n += len(chunk)
	}
	return n
}

// finish notes that everything has ended, or that the time is over.
func (f *flow) finish() {
	if f.over {
		return
	}
	f.over = true
	f.took = f.now()
	if f.timer != nil {
		f.timer.Stop()
	}
	if !f.solo {
		f.s.phase = phaseClosed
	}
	for _, w := range f.idle {
		close(w)
	}
	f.idle = nil
	f.done.Done()
}

// settleScope makes the result of the close final.
func (f *flow) settleScope() {
	s := f.s
	f.fillStacks()
	s.mu.Lock()
	s.err = errors.Join(f.errs...)
	s.settled = true
	done := s.done
	s.mu.Unlock()
	if done != nil {
		close(done)
	}
	if p := s.parent; p != nil {
		p.gone()
	}
}

// gone takes the handle of a child that was closed by itself out of the parent.
func (h *Handle) gone() {
	p := h.scope
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.state == waiting {
		h.state = finished
		p.unlink(h)
		if p.phase == phaseRunning {
			p.flow.settle(h, outcomeOK, nil)
		} else if c := h.ext.(*Scope); len(p.unclaimed) < maxEarly && c.isUnclaimed() {
			p.unclaimed = append(p.unclaimed, c)
		}
	}
}

// isUnclaimed reports whether s closed because a Go failed, and nobody asked for its result so far.
func (s *Scope) isUnclaimed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.claimed && s.err != nil
}

// unclaimedErrors are the results of children that closed by themselves: a parent answers for what nobody asked for.
func (s *Scope) unclaimedErrors() (errs []*HookError) {
	s.mu.Lock()
	children := s.unclaimed
	s.unclaimed = nil
	s.mu.Unlock()
	for _, c := range children {
		if c.isUnclaimed() {
			e := c.parent.failure(c.err)
			e.BestEffort = e.BestEffort || c.hardFailures() == 0
			errs = append(errs, e)
		}
	}
	return errs
}

// closeAsHook is a child's hook in its parent.
func (s *Scope) closeAsHook(ctx context.Context) error {
	r := (*record)(ctx.(*hookContext))
	grace, end := r.limits()
	p := r.f.s
	p.mu.Lock()
	cause := p.cause
	p.mu.Unlock()
	return s.shutdown(ctx, cause, &limits{grace: grace, end: end})
}
