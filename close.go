package lastly

import (
	"context"
	"errors"
)

// This file is the close of a scope as its callers and its parent see it; flow.go is what happens inside.

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
				} else if lim == nil {
					f = newFlow(s, context.WithoutCancel(ctx), nil) // nor bound them by its deadline
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
		if !mayWait {
			// Whoever asks does not wait, so the end of its context must not hurry what it does not wait for.
			ctx = context.Background()
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
	return s.shutdown(ctx, cause, &limits{grace: grace, end: end})
}
