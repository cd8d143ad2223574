package lastly

import (
	"context"
	"time"
)

// hookContext is the context of one hook: the hook's own record, seen as a context. Most hooks never look at it, so the
// real one, with its channel and its timer, is made when somebody does.
type hookContext record

// lookedAt is a context that somebody looked at.
type lookedAt struct {
	context.Context
	cancel context.CancelCauseFunc
}

func (c *hookContext) Deadline() (time.Time, bool) {
	s := c.f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.f.began.Add(c.deadline), true
}

func (c *hookContext) Done() <-chan struct{} { return c.get().Done() }
func (c *hookContext) Err() error            { return c.get().Err() }

func (c *hookContext) Value(key any) any {
	if key == (insiderKey{}) {
		return &insider{scope: c.f.s, h: c.h}
	}
	return c.get().Value(key)
}

// get makes the real context. Nothing foreign runs in it: the values' own context is asked for nothing here.
func (c *hookContext) get() *lookedAt {
	s := c.f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.real == nil {
		timed, stop := context.WithDeadline(context.WithoutCancel(c.f.values), c.f.began.Add(c.deadline))
		ctx, cancel := context.WithCancelCause(timed)
		c.real = &lookedAt{ctx, func(cause error) { cancel(cause); stop() }}
		if c.ctxOver {
			c.real.cancel(context.Canceled)
		}
	}
	return c.real
}

// endLocked notes that the context is over and returns what ends it. It has to be called without the lock.
func (c *hookContext) endLocked() *lookedAt {
	c.ctxOver = true
	return c.real
}

func (l *lookedAt) end(cause error) {
	if l != nil {
		l.cancel(cause)
	}
}
