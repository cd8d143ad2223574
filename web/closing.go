package web

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// closing knows when the close of a scope, or of one that contains it, begins: a child's own context ends only when its
// turn has come, which is too late to tell anybody that the process is about to end.
type closing struct {
	begun    atomic.Bool
	contexts []context.Context // from the scope outwards

	mu    sync.Mutex // guards what follows
	at    time.Time
	cause error
	stops []func() bool
}

func closingOf(s *lastly.Scope) *closing {
	return &closing{contexts: seam.OfLastly.Endings(s)}
}

// watch makes begun true without anybody asking. unwatch undoes it.
func (c *closing) watch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ctx := range c.contexts {
		c.stops = append(c.stops, context.AfterFunc(ctx, c.note))
	}
}

func (c *closing) unwatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, stop := range c.stops {
		stop()
	}
	c.stops = nil
}

// hasBegun asks the contexts themselves, so that nobody hears of it a moment late.
func (c *closing) hasBegun() bool {
	for _, ctx := range c.contexts {
		if ctx.Err() != nil {
			return true
		}
	}
	return false
}

// note keeps when and why it began: the outermost scope that closes knows why.
func (c *closing) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() {
		return
	}
	c.at = time.Now()
	for _, ctx := range c.contexts {
		if ctx.Err() != nil {
			c.cause = context.Cause(ctx)
		}
	}
	c.begun.Store(true)
}

// began is when and why; it is called when closing has begun.
func (c *closing) began() (time.Time, error) {
	c.note()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at, c.cause
}

// refuse is the error for whoever comes too late to start something on s.
func (c *closing) refuse(s *lastly.Scope) error {
	if !c.hasBegun() {
		return nil
	}
	kind := lastly.ErrClosing
	select {
	case <-s.Closed():
		kind = lastly.ErrClosed
	default:
	}
	if _, cause := c.began(); cause != nil && !errors.Is(cause, lastly.ErrClosing) {
		return fmt.Errorf("%w (%w): start servers before it closes", kind, cause)
	}
	return fmt.Errorf("%w: start servers before it closes", kind)
}
