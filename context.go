package lastly

import (
	"context"
	"sync"
	"time"
)

// hookContext is the context of one hook. Most hooks never look at it, so the real one, with its channel and timer, is
// made when somebody does.
type hookContext struct {
	rec *record

	mu sync.Mutex // guards what follows; taken before Scope.mu, never after

	real   context.Context
	cancel context.CancelCauseFunc
	over   error // why it ended before anybody looked
}

// recordKey finds the hook that a context was given to.
type recordKey struct{}

func (c *hookContext) Deadline() (time.Time, bool) {
	return c.rec.deadlineTime(), true
}

func (c *hookContext) Done() <-chan struct{} { return c.get().Done() }
func (c *hookContext) Err() error            { return c.get().Err() }

func (c *hookContext) Value(key any) any {
	if key == (recordKey{}) {
		return c.rec
	}
	return c.get().Value(key)
}

func (c *hookContext) get() context.Context {
	deadline := c.rec.deadlineTime()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real == nil {
		ctx, stop := context.WithDeadline(context.WithoutCancel(c.rec.f.values), deadline)
		real, cancel := context.WithCancelCause(ctx)
		c.real, c.cancel = real, func(cause error) { cancel(cause); stop() }
		if c.over != nil {
			c.cancel(c.over)
		}
	}
	return c.real
}

// end ends the context: its hook has returned, or has to hurry.
func (c *hookContext) end(cause error) {
	c.mu.Lock()
	cancel := c.cancel
	if cancel == nil {
		c.over = cause
	}
	c.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}
