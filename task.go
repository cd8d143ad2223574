package lastly

import (
	"context"
)

// A task is the goroutine of a Go.
type task struct {
	run    func(context.Context) error
	ctx    context.Context
	cancel context.CancelCauseFunc
	in     insider
	done   chan struct{} // closed when run has ended
	err    error         // readable when done is closed
	note
}

// Go calls h.Run in a goroutine that the scope stops and awaits, at its place in the order: everything that uses it has
// ended by then, so a worker can still finish what it was given. Its context ends at that moment and not before; an
// error that merely says so is no failure. A Go that ends with nil before is forgotten; one that fails or panics begins
// the close of its scope. h.Timeout bounds the stop, not the work. On a closed scope, h.Run is called at once with an
// ended context.
func (s *Scope) Go(h Hook) *Handle { return s.goTask(h, caller(0)) }

func (s *Scope) goTask(h Hook, site uintptr) *Handle {
	h.check("Go", site)
	t := &task{run: h.Run, done: make(chan struct{}), note: h.Note}
	t.in.scope = s
	t.ctx, t.cancel = context.WithCancelCause(context.WithValue(context.Background(), insiderKey{}, &t.in))
	h.Run = t.stop
	return s.register(&h, kindGo, t, site)
}

func (t *task) start(h *Handle) {
	t.in.h = h
	go t.in.live(t.in.newMark(), t) // ends when its work does
}

// inside is the goroutine's work.
func (t *task) inside(in *insider) {
	returned := false
	var err error
	defer func() {
		if !returned && !in.exited {
			err = ErrGoexit
		}
		t.err = err
		t.endedAlone(in.h)
		close(t.done)
	}()
	err = protect(t.work, t.ctx).err
	returned = true
}

// work is run, less an error that merely says that it was told to stop.
func (t *task) work(ctx context.Context) error {
	run := t.run
	t.run = nil // a handle that somebody keeps must not keep what run captured
	err := sound(run(ctx))
	if ctx.Err() != nil && saysOnly(err, ctx.Err(), context.Cause(ctx)) {
		return nil
	}
	return err
}

// stop is the hook of a Go.
func (t *task) stop(ctx context.Context) error {
	cause := ErrClosing
	if c, ok := ctx.(*hookContext); ok {
		s := c.f.s
		s.mu.Lock()
		if s.cause != nil {
			cause = s.cause
		}
		s.mu.Unlock()
	}
	t.cancel(cause)
	<-t.done // not bounded here: the flow gives this hook up when it takes too long
	return t.err
}

// endedAlone notes that the work ended before it was told to.
func (t *task) endedAlone(h *Handle) {
	s := h.scope
	s.mu.Lock()
	if h.state != waiting { // it is being stopped: stop tells
		s.mu.Unlock()
		return
	}
	h.state = finished
	h.run = nil
	s.unlink(h)
	if t.err == nil {
		if s.phase == phaseRunning {
			s.flow.settle(h, outcomeOK, nil)
		}
		s.mu.Unlock()
		t.cancel(nil)
		return
	}
	if s.phase == phaseRunning { // the scope's hooks run already
		s.flow.settle(h, outcomeFailed, t.err)
		s.mu.Unlock()
		s.flow.logHook(h.rec)
		t.cancel(nil)
		return
	}
	failure := h.failure(t.err)
	s.addEarly(failure, h.bestEffort)
	s.mu.Unlock()
	s.logEarly(failure)
	t.cancel(nil)
	go func() { _ = s.shutdown(context.Background(), failure) }() // ends with the flow
}

// addEarly keeps a failure that happened before the hooks of the scope started; Close reports it first.
func (s *Scope) addEarly(err error, soft bool) {
	if len(s.early) < maxEarly {
		s.early = append(s.early, err)
	}
	if !soft {
		s.earlyHard++
	}
}

// maxEarly bounds what a scope that lives long keeps of failures that nobody asked for.
const maxEarly = 100
