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
	held    []heldRecord
	over    bool
	done    sync.WaitGroup
	errs    []error // in the order in which they happened
	hard    int     // failures that count for the exit code
	last    *record // the one that ended last

	running byGiveUp
	timer   *time.Timer
	armed   time.Duration // when timer fires; 0 when there is none
	stacks  stackTaker
	scratch []int32 // of endRecord
	rushed  bool    // the grace was cut short: the contexts of running hooks have to be ended by hand

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
			if lim != nil && !s.settled && s.flow != nil {
				s.flow.hurry(lim)
			}
			s.mu.Unlock()
			return s.await(ctx)
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
		if cause == nil {
			cause = ErrClosing
		}
		s.phase, s.flow, s.cause = phaseHolding, f, cause
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

// await waits for the close that somebody else began.
func (s *Scope) await(ctx context.Context) error {
	s.mu.Lock()
	if s.settled {
		s.mu.Unlock()
		return s.err
	}
	done := s.doneLocked()
	s.mu.Unlock()
	if in := callerInside(ctx); in != nil {
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
	f.awaitHolds()
	f.runHooks()
	f.settleScope()
	f.logEnd()
}

// awaitHolds waits until nothing is held, at most HookTimeout.
func (f *flow) awaitHolds() {
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
			f.giveUpHolds()
			s.mu.Unlock()
			return
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
		case <-hurried:
			s.mu.Lock()
			if f.hurried == hurried {
				f.hurried = nil
			}
			s.mu.Unlock()
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

// giveUpHolds makes the scope start its hooks: from here on, Hold is refused.
func (f *flow) giveUpHolds() {
	s := f.s
	f.holdsOver = nil
	f.holdsDone = f.now()
	s.phase = phaseRunning
	var given []*hold
	for h := s.holds; h != nil; h = h.next {
		given = append(given, h)
	}
	if given == nil {
		return
	}
	s.mu.Unlock() // looking for stacks takes a while
	errs := make([]error, len(given))
	for i, h := range given {
		errs[i] = holdFailure(h, f.stacks.take(h.goroutine))
	}
	s.mu.Lock()
	for i, h := range given {
		if h.prev == nil && s.holds != h {
			continue // released in the meantime
		}
		s.forgetHold(h)
		f.errs = append(f.errs, errs[i])
		f.hard++
		f.held = append(f.held, heldRecord{h, errs[i], f.now()})
	}
}

// runHooks makes the order of what is registered and runs it.
func (f *flow) runHooks() {
	s := f.s
	s.mu.Lock()
	f.errs = append(f.errs, s.early...)
	f.hard += s.earlyHard
	s.early, s.earlyHard = nil, 0
	f.done.Add(1)
	if s.odd > 0 || s.solos > 0 {
		f.makeGraph()
	}
	next := f.startFirst()
	if s.count == 0 {
		f.finish()
	}
	s.mu.Unlock()
	f.spawn(next)
	f.done.Wait()
}

// startFirst starts what nothing has to wait for.
func (f *flow) startFirst() []*record {
	if f.g != nil {
		return f.startAll(f.g.ready(nil))
	}
	if f.s.tail == nil {
		return nil
	}
	return []*record{f.start(f.s.tail, f.now())}
}

// makeGraph makes an order of everything that is registered and has not ended.
func (f *flow) makeGraph() {
	s := f.s
	f.at = make([]*Handle, 0, s.count)
	entries := make([]entry, 0, s.count)
	for h := s.head; h != nil; h = h.next {
		if h.state == running && h.rec.f != f && h.rec.extra().mirror == nil {
			m := f.newRecord(h) // it was run early: when that ends, this does
			m.state = recordRunning
			h.rec.mirror = m
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

// join takes a hook that was registered late into the flow, and returns what may start because of it.
func (f *flow) join(h *Handle) []*record {
	h.late = true
	if f.g == nil {
		if f.s.odd == 0 {
			return nil // it is the youngest now, so it comes next
		}
		f.makeGraph()
		return f.startFirst()
	}
	i, ok := f.g.add(entry{name: h.name, uses: h.uses, last: h.last, late: true})
	if !ok {
		f.makeGraph()
		return f.startFirst()
	}
	h.number = i
	f.at = append(f.at, h)
	if !f.g.mayStart(i) {
		return nil
	}
	return f.startAll([]int32{i})
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
	var next []*record
	if h.state == waiting {
		h.state = finished
		p.unlink(h)
		if p.phase == phaseRunning {
			next = p.flow.settle(h, outcomeOK, nil)
		}
	}
	p.mu.Unlock()
	p.flow.spawn(next)
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
