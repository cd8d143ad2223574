package lastly

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A flow is one run of cleanups: the close of a scope, or one hook that is run early. Its state is guarded by the
// scope's mutex. The goroutine that began it only waits; workers run the hooks (worker.go), a timer watches them
// (watch.go).
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
	ending     bool           // its time is over: nothing starts any more
	rushed     bool           // the grace was cut short: the contexts of running hooks have to be ended by hand

	// Room for the few hooks of a scope that is made per request.
	room struct {
		records [4]record
		running [1]*record
		insider insider
	}
	firstIn  atomic.Bool  // room.insider is taken
	logSpent atomic.Int64 // how long the Logger was waited for
}

// limits are what a parent leaves to a child.
type limits struct{ grace, end time.Time }

// newFlow needs no lock.
func newFlow(s *Scope, ctx context.Context, lim *limits) *flow {
	grace, hookTimeout, logger := s.settings()
	f := &flow{s: s, began: time.Now(), values: ctx, logger: logger, hookTimeout: hookTimeout}
	f.running = f.room.running[:0]
	f.grace = grace
	f.end = grace + Reserve
	if lim != nil {
		f.grace = max(0, min(f.grace, lim.grace.Sub(f.began)))
		f.end = max(0, min(f.grace+Reserve, lim.end.Sub(f.began)))
	} else if deadline, ok := ctx.Deadline(); ok {
		f.grace = max(0, min(f.grace, deadline.Sub(f.began)))
		f.end = f.grace + Reserve
	}
	return f
}

func (f *flow) now() time.Duration { return time.Since(f.began) }

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

// awaitHolds waits until nothing is held, at most HookTimeout, and returns with the lock held, so that nothing new is
// held in between. What it returns are the stacks of those that it will not wait for any longer.
func (f *flow) awaitHolds() map[uint64][]byte {
	s := f.s
	limit := time.Duration(-1)
	for {
		s.mu.Lock()
		now := f.now()
		if limit < 0 {
			limit = now + f.hookTimeout
		}
		left := min(limit, f.grace) - now
		if s.holds == nil {
			return nil
		}
		if left <= 0 {
			var ids []uint64
			for h := s.holds; h != nil; h = h.next {
				if h.worker != 0 {
					ids = append(ids, h.worker)
				}
			}
			s.mu.Unlock()
			stacks := f.stacks.takeAll(ids, true)
			s.mu.Lock()
			return stacks
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
	took time.Duration
}

// giveUpHolds goes on without what is still held. Called with the lock held.
func (f *flow) giveUpHolds(stacks map[uint64][]byte) {
	s := f.s
	f.holdsOver = nil
	f.holdsDone = f.now()
	for h := s.holds; h != nil; h = s.holds {
		s.forgetHold(h)
		err := holdFailure(h, stacks[h.worker])
		f.errs = append(f.errs, err)
		f.hard++
		f.held = append(f.held, heldRecord{h, err, f.now()})
	}
}

// runHooks makes the order of what is registered and runs it. From its beginning on, Hold is refused. It is called with
// the lock held, and releases it.
func (f *flow) runHooks(stacks map[uint64][]byte) {
	s := f.s
	unclaimed := s.unclaimedErrors()
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
	var skipped []*Handle
	switch {
	case s.count == 0:
		f.finish()
	case f.now() >= f.end: // a parent had no time left for it
		skipped = f.skipPending()
		f.finish()
	default:
		f.arm(f.end)
		f.launchFirst()
	}
	s.mu.Unlock()
	f.release(skipped)
	f.done.Wait()
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
