package lastly

import (
	"cmp"
	"sync"
	"time"
)

// hold is work in progress.
type hold struct {
	prev, next *hold
	name       string
	site       uintptr
	since      time.Time
	worker     uint64 // the insider whose stack to show when it does not end; 0 when nobody in particular does the work
	run        bool   // Main's run
	over       bool   // the work has ended, and release is about to be called
}

// Hold says that work is in progress: closing waits for release (at most HookTimeout) before any hook starts. What is
// not released by then is abandoned: a failure in the result and the Report, which counts for the exit code. Work that
// comes after closing has begun is still held as long as other holds are awaited; once hooks have started, Hold returns
// ErrClosing (ErrClosed when all is over) and a release that does nothing. release may be called more than once, from
// anywhere.
//
//	release, err := scope.Hold("request")
//	if err != nil {
//		return err // too late: answer 503
//	}
//	defer release()
func (s *Scope) Hold(name string) (release func(), err error) {
	h := &hold{name: name, site: caller(0), since: time.Now()}
	if err := s.addHold(h); err != nil {
		return func() {}, err
	}
	return sync.OnceFunc(func() { s.dropHold(h) }), nil
}

func (s *Scope) addHold(h *hold) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case phaseRunning:
		return ErrClosing
	case phaseClosed:
		return ErrClosed
	}
	h.next = s.holds
	if s.holds != nil {
		s.holds.prev = h
	}
	s.holds = h
	return nil
}

// endHold notes that the work has ended, for the log.
func (s *Scope) endHold(h *hold) {
	s.mu.Lock()
	h.over = true
	s.mu.Unlock()
}

func (s *Scope) dropHold(h *hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetHold(h) // if it was given up, so were all others, and the list is empty
	if s.holds == nil && s.phase == phaseHolding && s.flow.holdsOver != nil {
		close(s.flow.holdsOver)
		s.flow.holdsOver = nil
	}
}

func (s *Scope) forgetHold(h *hold) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		s.holds = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	}
	h.prev, h.next = nil, nil
}

// holdFailure is the failure of a hold that was not released in time.
func holdFailure(h *hold, stack []byte) error {
	return &HookError{
		Name: h.label(), Site: siteString(h.site),
		Err: &TimeoutError{After: time.Since(h.since), Abandoned: true, Stack: stack},
	}
}

// label is what errors and reports call a hold.
func (h *hold) label() string { return cmp.Or(h.name, shortSite(h.site)) }
