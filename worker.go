package lastly

import (
	"context"
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

// record is one hook's part in a flow. There may be a hundred thousand, so what few need lies behind pointers. Guarded
// by the scope's mutex, except for run and worker.
type record struct {
	h         *Handle
	f         *flow
	run       func(context.Context) error // moved here from h; only its worker touches it
	began     time.Duration
	ended     time.Duration
	deadline  time.Duration // when its context ends
	giveUp    time.Duration // when it is abandoned
	failure   *HookError
	by        *record       // whose end let it start
	real      *lookedAt     // its context, when somebody looked at it
	*extras                 // nil for most
	worker    atomic.Uint64 // the insider that runs it
	heapIndex int32
	state     recordState
	ctxOver   bool
	outcome   outcome
	soft      bool // its failure changes no exit code
}

// extras are what few records have.
type extras struct {
	mirror *record       // an early run's: the record that the closing flow keeps for the same hook
	early  *record       // a mirror's: the record of the early run
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

// await waits until the hook is over, or ctx is, and returns its result. by is a context of whoever asks: it tells a
// hook that asks from another goroutine than its own.
func (r *record) await(ctx, by context.Context) error {
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
	if in := callerInside(by); in != nil {
		w, ok := beginWait(in, r.h)
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

// launchAll starts hooks, each in a goroutine of its own.
func (f *flow) launchAll(ready []int32) {
	now := f.now()
	for _, i := range ready {
		f.launch(f.at[i], now)
	}
}

// launch starts a hook in a goroutine of its own. Called with the lock held.
func (f *flow) launch(h *Handle, now time.Duration) *record {
	r := f.start(h, now)
	if n := len(f.idle); n > 0 {
		w := f.idle[n-1]
		f.idle = f.idle[:n-1]
		w <- r
		return r
	}
	f.spawn(r)
	return r
}

// start marks a hook as running; its worker is somebody else's business.
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

// spawn makes a worker.
func (f *flow) spawn(r *record) {
	in := f.insiderFor()
	in.scope, in.h = f.s, r.h
	go in.live(in.newMark(), r) // ends when the flow is over; given up when the hook hangs
}

func (r *record) inside(in *insider) { r.f.work(r, in) }

// work runs a hook, then whatever its end lets start, then what others hand to it, until the flow is over.
func (f *flow) work(r *record, in *insider) {
	returned := false
	var handed chan *record
	defer func() {
		if returned {
			return
		}
		// Goexit: this goroutine can't go on, another one does. Exit, called by a hook, is no failure of the hook.
		e := endingOf(ErrGoexit)
		if in.exited {
			e = endingOf(nil)
		}
		f.ended(r, e, false)
	}()
	for r != nil {
		in.h = r.h
		r.worker.Store(in.id)
		run := r.run
		r.run = nil
		e := protect(run, (*hookContext)(r))
		if r = f.ended(r, e, true); r != nil {
			continue
		}
		in.h = nil
		if handed = f.rest(handed); handed != nil {
			r = <-handed
		}
	}
	returned = true
}

// insiderFor returns the entry of a worker in the table of insiders: the flow's own for its first worker.
func (f *flow) insiderFor() *insider {
	if f.firstIn.CompareAndSwap(false, true) {
		return &f.room.insider
	}
	return new(insider)
}

// rest offers a worker to whoever starts the next hook, and returns the channel by which it is handed to it; nil when
// the flow needs no more workers.
func (f *flow) rest(w chan *record) chan *record {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if f.over || f.g == nil {
		return nil
	}
	if w == nil {
		w = make(chan *record, 1)
	}
	f.idle = append(f.idle, w)
	return w
}

// ended notes that the hook has ended as e says, and starts what its end lets start. It returns one of those for the worker
// that asks for more to run.
func (f *flow) ended(r *record, e ending, more bool) (next *record) {
	s := f.s
	s.mu.Lock()
	ctx := (*hookContext)(r).endLocked()
	if r.state == recordRunning { // else it was given up, and the flow has gone on without it
		now := f.now()
		f.judge(r, e, now)
		f.unwatch(r)
		if f.logger != nil && (r.failure != nil || f.debug) {
			r.state = recordEnding
			s.mu.Unlock()
			f.logHook(r)
			s.mu.Lock()
			now = f.now()
		}
		next = f.conclude(r, now, more)
	}
	s.mu.Unlock()
	ctx.end(context.Canceled)
	if r.h.kind == kindAttached {
		r.h.ext.(*attachment).stop(s)
	}
	return next
}

// conclude takes an ended hook out of everything, and starts what may start because of it: all of it, or all but one,
// which it returns for a worker that asks for more.
func (f *flow) conclude(r *record, now time.Duration, more bool) (next *record) {
	h := r.h
	h.state = finished
	h.run = nil
	f.s.unlink(h)
	if f.solo && !h.late {
		f.s.solos--
	}
	next = f.endRecord(r, now, more)
	if r.extras != nil && r.mirror != nil {
		r.mirror.reflect(r)
	}
	return next
}

// reflect ends the closing flow's record of a hook that was run early and has ended only now.
func (r *record) reflect(early *record) {
	f := r.f
	if r.state != recordRunning { // the closing flow's time was over first
		return
	}
	now := f.now()
	r.outcome, r.began, r.ended = early.outcome, max(0, now-(early.ended-early.began)), now
	if r.failure = early.failure; r.failure != nil {
		f.errs = append(f.errs, r.failure)
		if r.soft = early.soft; !r.soft {
			f.hard++
		}
	}
	f.endRecord(r, now, false)
}

// endRecord notes in its flow that a hook is over, and starts what may start because of it, as conclude has it.
func (f *flow) endRecord(r *record, now time.Duration, more bool) (next *record) {
	r.state = recordOver
	if r.extras != nil && r.waiter != nil {
		close(r.waiter)
	}
	if f.over {
		return nil
	}
	f.last = r
	if f.ending {
		return nil
	}
	if f.solo || f.s.count == 0 {
		f.finish()
		return nil
	}
	startOne := func(h *Handle) {
		var started *record
		if more && next == nil {
			started = f.start(h, now)
			next = started
		} else {
			started = f.launch(h, now)
		}
		started.by = r
	}
	if f.g == nil {
		if h := f.s.tail; h.state == waiting {
			startOne(h)
		}
		return next
	}
	f.scratch = f.g.end(r.h.number, f.scratch[:0])
	for _, i := range f.scratch {
		startOne(f.at[i])
	}
	return next
}

// settle ends a hook that did not run: it was cancelled, its child scope was closed by itself, or its Go ended. It has
// left the list already.
func (f *flow) settle(h *Handle, how outcome, err error) {
	now := f.now()
	r := f.newRecord(h)
	h.rec = r
	r.outcome, r.began, r.ended = how, now, now
	if err != nil {
		f.fail(r, err)
	}
	if f.g == nil && f.s.count > 0 {
		r.state = recordOver
		return // another one runs, and what comes next is next still
	}
	f.endRecord(r, now, false)
}
