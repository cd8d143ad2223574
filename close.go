package lastly

import (
	"context"
	"errors"
)

// This file is the close of a scope as its callers and its parent see it; flow.go is what happens inside.

// shutdown is Shutdown with a cause; nil is that somebody asked.
func (s *Scope) shutdown(ctx context.Context, cause error) error {
	f, w, mayWait := s.prepareClose(ctx)
	if w != nil {
		defer endWait(w)
	}
	if f == nil || !s.beginClose(f, cause, nil) {
		return s.await(ctx)
	}
	if !mayWait {
		go f.close(context.Background()) // ends with the flow; who does not wait must not hurry it when its own context ends
		return ErrClosing
	}
	f.close(ctx)
	return s.err
}

// shutdownWithin is the close of a child by its parent, which waits as long as the child has, and gives it up after that.
// It need not ask whether it may wait: who waits for the parent waits for everything in the child anyway.
func (s *Scope) shutdownWithin(ctx context.Context, cause error, lim *limits) error {
	if f := newFlow(s, ctx, lim); s.beginClose(f, cause, lim) {
		f.close(context.Background()) // the parent hurries the flow itself
		return s.err
	}
	s.mu.Lock()
	s.claimed = true
	if !s.settled {
		s.flow.hurry(lim)
	}
	done := s.doneLocked()
	s.mu.Unlock()
	<-done
	return s.err
}

// prepareClose makes the flow that is to close s, if s is open, and finds out whether the caller may wait for it: an
// insider's wait is noted in w.
func (s *Scope) prepareClose(ctx context.Context) (f *flow, w *wait, mayWait bool) {
	s.mu.Lock()
	open := s.phase == phaseOpen
	s.mu.Unlock()
	if !open {
		return nil, nil, true
	}
	mayWait = true
	if in := callerInside(ctx); in != nil {
		if w, mayWait = beginWait(in, s); !mayWait {
			ctx = context.WithoutCancel(ctx) // its deadline does not bound what it won't wait for
		}
	}
	return newFlow(s, ctx, nil), w, mayWait
}

// beginClose makes f the flow that closes s. It returns false if somebody else was faster.
func (s *Scope) beginClose(f *flow, cause error, lim *limits) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseOpen {
		return false
	}
	byItself := cause != nil && lim == nil && s.parent != nil // a Go failed: nobody waits for the result
	if cause == nil {
		cause = ErrClosing
	}
	s.phase, s.flow, s.cause, s.claimed = phaseHolding, f, cause, !byItself
	return true
}

// await waits for a close that somebody else began, at most until ctx is over.
func (s *Scope) await(ctx context.Context) error {
	s.mu.Lock()
	s.claimed = true
	if s.settled {
		s.mu.Unlock()
		return s.err
	}
	done := s.doneLocked()
	s.mu.Unlock()
	if in := callerInside(ctx); in != nil {
		w, ok := beginWait(in, s)
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

// settleScope makes the result of the close final.
func (f *flow) settleScope() {
	s := f.s
	f.fillStacks()
	s.mu.Lock()
	s.err = errors.Join(f.errs...)
	s.mu.Unlock()
	if p := s.parent; p != nil {
		p.gone() // before anybody hears that it is closed: who closes the parent next must not find it there
	}
	s.mu.Lock()
	s.settled = true
	done := s.done
	s.mu.Unlock()
	if done != nil {
		close(done)
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
		c := h.ext.(*Scope)
		unclaimed := c.isUnclaimed()
		switch {
		case p.phase == phaseRunning && unclaimed:
			p.flow.settle(h, outcomeFailed, c.err)
		case p.phase == phaseRunning:
			p.flow.settle(h, outcomeOK, nil)
		case unclaimed && len(p.unclaimed) < maxEarly:
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
// Called with the lock held.
func (s *Scope) unclaimedErrors() (errs []*HookError) {
	children := s.unclaimed
	s.unclaimed = nil
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
	return s.shutdownWithin(ctx, cause, &limits{grace: grace, end: end})
}
