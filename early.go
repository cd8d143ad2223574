package lastly

import (
	"container/heap"
	"context"
	"time"
)

// lateStats count what was registered after the scope had closed.
type lateStats struct {
	count   int
	records []*record // the first few, and failures as long as there is room
}

const maxLateRecords = 100

// runEarly starts one hook out of its turn. In a running flow it is one of the flow's hooks; else it gets the flow of
// its own that the caller brings. The caller holds the lock.
func (s *Scope) runEarly(solo *flow, h *Handle) *record {
	if s.phase == phaseRunning {
		if s.flow.g == nil {
			s.flow.makeGraph() // more than one will run: the list alone is no order any more
		}
		return s.flow.launch(h, s.flow.now())
	}
	s.solos++
	solo.only()
	return solo.launch(h, solo.now())
}

// only makes f the flow of a single hook.
func (f *flow) only() {
	f.solo = true
	f.done.Add(1)
}

// runLate starts a hook that was registered on a closed scope.
func (s *Scope) runLate(h *Handle) *record {
	f := newFlow(s, context.Background(), nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.only()
	h.late = true
	s.link(h) // for as long as it runs
	if t, ok := h.ext.(*task); ok {
		t.cancel(s.cause)
		t.start(h)
	}
	r := f.launch(h, f.now())
	s.late.count++
	if len(s.late.records) < maxLateRecords {
		s.late.records = append(s.late.records, r)
	}
	return r
}

func (s *Scope) closeCause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// follow hurries a hook when the context of the caller that started it ends.
func (f *flow) follow(ctx context.Context, r *record) (stop func() bool) {
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, func() {
		f.s.mu.Lock()
		defer f.s.mu.Unlock()
		if f.solo {
			f.hurry(&limits{grace: time.Now(), end: time.Now().Add(Reserve)})
		} else if r.state == recordRunning {
			now := f.now()
			share := f.slot(r, max(now, f.grace)) / 2 // as if the grace were over, for this hook
			r.deadline = min(r.deadline, now+share)
			r.giveUp = min(r.giveUp, r.deadline+share)
			heap.Init(&f.running)
			f.rushed = true
			f.rearm()
		}
	})
}
