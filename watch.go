package lastly

import (
	"container/heap"
	"context"
	"time"
)

// forever is the longest that a scope or a hook may take, however much it was given: sums of a few of it do not overflow.
const forever = 100 * 365 * 24 * time.Hour

// maxPatience is how long a hook whose context has ended may go on before it is abandoned, when there is time.
const maxPatience = 500 * time.Millisecond

// byGiveUp is a heap of the running hooks: the one to be abandoned first on top.
type byGiveUp []*record

func (q byGiveUp) Len() int           { return len(q) }
func (q byGiveUp) Less(i, j int) bool { return q[i].giveUp < q[j].giveUp }
func (q byGiveUp) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].heapIndex, q[j].heapIndex = int32(i), int32(j)
}

func (q *byGiveUp) Push(x any) {
	r := x.(*record)
	r.heapIndex = int32(len(*q))
	*q = append(*q, r)
}

func (q *byGiveUp) Pop() any {
	old := *q
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return r
}

// slot is a hook's share of what is left of the reserve: the hooks of the longest chain that starts at it share alike.
func (f *flow) slot(r *record, now time.Duration) time.Duration {
	height := int32(1)
	switch {
	case f.g != nil:
		height = f.g.height(r.h.number)
	case !f.solo:
		height = int32(max(f.s.count, 1))
	}
	return max(0, f.end-max(now, f.grace)) / time.Duration(height)
}

// setDeadline gives a hook that starts now its time: min(timeout, rest of the grace), and never less than its share of
// the reserve. Half of the share is for the hook, half for its way out once its context has ended.
func (f *flow) setDeadline(r *record, now time.Duration) {
	timeout := r.h.timeout
	patience := maxPatience
	if r.h.kind == kindChild {
		// A child has its own deadlines, and its own reserve inside what it gets after its own.
		patience = Reserve
		if timeout == 0 {
			timeout = f.end
		}
	} else if timeout == 0 {
		timeout = f.hookTimeout
	}
	timeout = min(timeout, forever)
	allow := timeout
	if spare := f.grace - (now + timeout); spare < patience {
		share := f.slot(r, now) / 2
		allow = min(timeout, max(f.grace-now, share))
		patience = min(patience, max(f.grace-(now+allow), share))
	}
	r.deadline = now + allow
	r.giveUp = r.deadline + patience
}

// watchOver makes the timer look after a hook that starts.
func (f *flow) watchOver(r *record) {
	heap.Push(&f.running, r)
	f.arm(min(f.end, f.running[0].giveUp))
}

func (f *flow) unwatch(r *record) {
	if k := int(r.heapIndex); k < len(f.running) && f.running[k] == r {
		heap.Remove(&f.running, k)
	}
}

// arm makes the timer fire at the latest at the given point.
func (f *flow) arm(at time.Duration) {
	switch {
	case f.abandoning: // it looks at the clock again when it is done
		return
	case f.timer == nil:
		f.timer = time.AfterFunc(at-f.now(), f.onTimer)
	case f.armed == 0 || at < f.armed:
		f.timer.Reset(at - f.now())
	default:
		return
	}
	f.armed = at
}

// onTimer runs in a goroutine of the timer when some hook may have overrun.
func (f *flow) onTimer() {
	s := f.s
	s.mu.Lock()
	f.armed = 0
	if f.over {
		s.mu.Unlock()
		return
	}
	now := f.now()
	over := now >= f.end
	f.abandoning = true
	var due []*record
	var contexts []*lookedAt
	for len(f.running) > 0 && (over || f.running[0].giveUp <= now) {
		r := heap.Pop(&f.running).(*record)
		r.state, r.ended = recordEnding, now
		due = append(due, r)
		contexts = append(contexts, (*hookContext)(r).endLocked())
	}
	if over {
		for _, m := range f.mirrors {
			if m.state == recordRunning {
				m.state, m.ended = recordEnding, now
				due = append(due, m)
			}
		}
	}
	if f.rushed {
		for _, r := range f.running {
			if r.deadline <= now {
				contexts = append(contexts, (*hookContext)(r).endLocked())
			}
		}
	}
	s.mu.Unlock()
	for _, ctx := range contexts {
		ctx.end(context.DeadlineExceeded)
	}
	if len(due) > 0 || over {
		f.abandon(due, over)
	}
	s.mu.Lock()
	f.abandoning = false
	f.rearm()
	s.mu.Unlock()
}

func (f *flow) rearm() {
	if f.over {
		return
	}
	at := f.end
	if len(f.running) > 0 {
		at = min(at, f.running[0].giveUp)
	}
	if f.rushed {
		now := f.now()
		for _, r := range f.running {
			if r.deadline > now {
				at = min(at, r.deadline)
			}
		}
	}
	f.arm(at)
}

// abandon goes on without hooks that did not return. When the flow's time is over it goes on without everything.
func (f *flow) abandon(due []*record, over bool) {
	s := f.s
	ids := make([]uint64, len(due))
	s.mu.Lock()
	for k, r := range due {
		ids[k] = r.stackID()
	}
	s.mu.Unlock()
	stacks := f.stacks.takeAll(ids, over)

	s.mu.Lock()
	for k, r := range due {
		r.outcome = outcomeAbandoned
		f.fail(r, &TimeoutError{After: r.ended - r.began, Abandoned: true, Stack: stacks[ids[k]]})
	}
	var skipped []*Handle
	if over && !f.solo {
		f.ending = true // from here on nothing starts, and what is registered is late
		skipped = f.skipPending()
	}
	s.mu.Unlock()
	f.release(skipped)

	for _, r := range due {
		f.logHook(r)
	}
	f.logSkipped(len(skipped))

	s.mu.Lock()
	now := f.now()
	for _, r := range due {
		if r.extras != nil && r.early != nil {
			f.endRecord(r, now, false) // its own flow takes the hook out of the scope
		} else {
			f.conclude(r, now, false)
		}
	}
	if over {
		f.finish()
	}
	s.mu.Unlock()
}

// skipPending names what did not start, in the order in which it would have started.
func (f *flow) skipPending() (skipped []*Handle) {
	now := f.now()
	skip := func(h *Handle) {
		if h.state != waiting {
			return
		}
		skipped = append(skipped, h)
		r := f.newRecord(h)
		r.state, r.outcome, r.began, r.ended = recordOver, outcomeNotStarted, now, now
		f.fail(r, ErrNotStarted)
		h.rec, h.state, h.run = r, finished, nil
		f.s.unlink(h)
	}
	if f.g == nil {
		for h := f.s.tail; h != nil; {
			prev := h.prev
			skip(h)
			h = prev
		}
		return skipped
	}
	for k := len(f.g.order) - 1; k >= 0; k-- {
		skip(f.at[f.g.order[k]])
	}
	return skipped
}

// release lets go of what did not get its turn: a Go is told to end though nobody awaits it, a child scope is closed
// though its hooks don't start.
func (f *flow) release(skipped []*Handle) {
	for _, h := range skipped {
		switch x := h.ext.(type) {
		case *task:
			x.cancel(f.s.closeCause())
		case *Scope:
			now := time.Now()
			_ = x.shutdownWithin(context.Background(), f.s.closeCause(), &limits{grace: now, end: now})
		}
	}
}

// hurry cuts the flow short, also for what runs already.
func (f *flow) hurry(lim *limits) {
	if f.over {
		return
	}
	grace, end := lim.grace.Sub(f.began), lim.end.Sub(f.began)
	if grace >= f.grace && end >= f.end {
		return
	}
	f.grace = max(0, min(f.grace, grace))
	f.end = min(f.end, end)
	if f.hurried != nil {
		close(f.hurried)
		f.hurried = nil
	}
	now := f.now()
	for _, r := range f.running {
		f.rush(r, now)
	}
	for _, m := range f.mirrors {
		if m.state == recordRunning {
			f.boundMirror(m, now)
		}
	}
	heap.Init(&f.running)
	f.rushed = true
	if f.timer != nil && !f.abandoning {
		f.rearm()
	}
}

// rush gives a running hook its new, shorter time.
func (f *flow) rush(r *record, now time.Duration) {
	share := f.slot(r, now) / 2
	deadline := max(f.grace, now+share)
	if deadline >= r.deadline {
		return
	}
	r.deadline = deadline
	r.giveUp = min(r.giveUp, deadline+max(share, min(maxPatience, f.grace-deadline)))
	if c, ok := r.h.ext.(*Scope); ok {
		grace, end := f.limitsOf(r)
		c.mu.Lock() // a parent's mutex may be held while its child's is taken, never the other way round
		if c.flow != nil {
			c.flow.hurry(&limits{grace: grace, end: end})
		}
		c.mu.Unlock()
	}
}
