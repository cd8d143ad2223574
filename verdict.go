package lastly

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// This file decides what to call the way in which a hook ended.

// protect calls foreign code, and turns a panic into an error.
func protect(run func(context.Context) error, ctx context.Context) (e ending) {
	returned := false
	defer func() {
		// After Goexit, too, nothing is recovered; but then nobody reads e. What is left is panic(nil), for a program
		// that has it as it was before Go 1.21.
		if v := recover(); v != nil || !returned {
			e = endingOf(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	e = endingOf(sound(run(ctx)))
	returned = true
	return e
}

// sound returns err if it can be looked at. To do so is to call foreign code, its Error, Unwrap, Is and As. They panic
// when somebody returned a nil pointer as an error, for one thing, and may not even return: better here, in the time of
// whoever made it, than later.
func sound(err error) (checked error) {
	if err == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			checked = fmt.Errorf("the %T that it returned panicked when it was looked at: %v; if it was a nil pointer, return nil instead", err, v)
		}
	}()
	if wasSeen(err) {
		return err
	}
	var none interface{ neverFound() }
	_ = err.Error()
	_ = errors.Is(err, errors.New("never found")) || errors.As(err, &none) // both look at all there is
	return err
}

// wasSeen reports whether err is what a close returned: its parts were looked at one by one, and a deep tree of scopes
// that fail is not to be looked at anew from every level.
func wasSeen(err error) bool {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *HookError:
		return e != nil
	case interface{ Unwrap() []error }:
		parts := e.Unwrap()
		return len(parts) > 0 && !slices.ContainsFunc(parts, func(part error) bool { return !wasSeen(part) })
	}
	return false
}

// ending is how a hook ended. It is made before the scope's lock is taken, because it looks into the error.
type ending struct {
	err    error
	how    outcome
	timeUp bool // err only says that the hook's time was over
}

func endingOf(err error) ending {
	var p *PanicError
	switch {
	case err == nil:
		return ending{}
	case err == ErrGoexit: //nolint:errorlint // the very value, made by work or by a Go
		return ending{err: err, how: outcomeGoexit}
	case errors.As(err, &p):
		return ending{err: err, how: outcomePanicked}
	}
	return ending{err: err, how: outcomeFailed, timeUp: saysOnly(err, context.DeadlineExceeded, context.Canceled)}
}

// saysOnly reports whether err is nothing but one of the given errors, wrapped or joined with its like. errors.Is is not
// enough: it also finds them beside another error, which must not be lost.
func saysOnly(err error, these ...error) bool {
	if err == nil {
		return false
	}
	for _, one := range these {
		if same(err, one) {
			return true
		}
	}
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *HookError, *TimeoutError, *PanicError:
		return false // this package's own word on a hook
	case interface{ Unwrap() error }:
		return saysOnly(e.Unwrap(), these...)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if !saysOnly(part, these...) {
				return false
			}
		}
		return len(e.Unwrap()) > 0
	}
	return false
}

// same is a == b, also for errors that can't be compared: a slice of errors, for example.
func same(a, b error) (equal bool) {
	defer func() { _ = recover() }()
	return a == b //nolint:errorlint // the caller walks the tree
}

// judge writes down how a hook ended. Called with the lock held.
func (f *flow) judge(r *record, e ending, now time.Duration) {
	r.ended = now
	overran := now >= r.deadline && r.h.kind != kindChild // a child has its own clock, and says itself what overran
	switch {
	case overran:
		if e.timeUp {
			e.err = nil // that is what a timeout looks like from within
		}
		r.outcome = outcomeTimedOut
		f.fail(r, &TimeoutError{After: now - r.began, Err: e.err})
	case e.err != nil:
		r.outcome = e.how
		f.fail(r, e.err)
	default:
		r.outcome = outcomeOK
	}
}

// fail keeps the error of a hook.
func (f *flow) fail(r *record, err error) {
	r.failure = r.h.failure(err)
	f.errs = append(f.errs, r.failure)
	if r.soft = r.h.bestEffort || f.softChild(r.h); !r.soft {
		f.hard++
	}
}

// softChild reports whether all that failed in a child scope was best effort.
func (f *flow) softChild(h *Handle) bool {
	c, ok := h.ext.(*Scope)
	if !ok {
		return false
	}
	c.mu.Lock() // a parent's mutex may be held while its child's is taken, never the other way round
	defer c.mu.Unlock()
	return c.phase == phaseClosed && c.flow.hard == 0
}
