package lastly

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// samePress is how long the same signal counts as the same key press: the terminal sends it to the whole process group,
// and a supervisor in it may forward it once more.
const samePress = 100 * time.Millisecond

// A mainLoop is one run of a Program. Its goroutine owns the decision how the process ends; others send.
type mainLoop struct {
	p     Program
	scope *Scope
	ctx   context.Context // of whoever called Program.Run
	run   func(context.Context) error

	runCtx   context.Context
	signals  chan os.Signal
	returned chan runResult // buffered: run's goroutine never waits
	hold     *hold
	crash    chan bool // tells run's goroutine, after a panic of run, whether the panic is to end the process

	mu    sync.Mutex // guards what follows
	exits []*ExitError
	wake  chan struct{} // closed by the first Exit

	wakeOnce sync.Once

	// Only for the loop.
	by       decider
	code     int
	first    os.Signal // the signal that asked first
	at       time.Time // when
	dieBy    os.Signal
	result   *runResult
	panicked *PanicError
	cause    error
}

// decider is what decided the exit code first.
type decider int

const (
	byNobody decider = iota
	byReturn
	byExit
	bySignal
)

// runResult is how run ended.
type runResult struct {
	err      error
	panicked *PanicError
	exited   bool // it called Exit
}

func newMainLoop(p Program, ctx context.Context, run func(context.Context) error) *mainLoop {
	return &mainLoop{
		p: p, ctx: ctx, run: run,
		signals:  make(chan os.Signal, 16),
		returned: make(chan runResult, 1),
		crash:    make(chan bool, 1),
		wake:     make(chan struct{}),
	}
}

// loop runs the program and its exit flow, and returns the exit code.
func (m *mainLoop) loop() int {
	m.begin()
	flowOver := make(chan struct{})
	for begun := false; !begun; {
		select {
		case res := <-m.returned:
			m.noteReturn(res)
			begun = true
		case sig := <-m.signals:
			begun = m.noteSignal(sig)
		case <-m.wake:
			m.noteExits()
			begun = true
		case <-m.ctx.Done():
			m.cause = context.Cause(m.ctx)
			begun = true
		case <-m.scope.Context().Done(): // a Go failed, or somebody closed the process scope
			m.noteClosed()
			begun = true
		}
	}
	go func() { // ends with the flow
		_ = m.scope.shutdown(context.WithoutCancel(m.ctx), m.cause)
		<-m.scope.Closed()
		close(flowOver)
	}()
	for over := false; !over; {
		select {
		case res := <-m.returned:
			m.noteReturn(res)
		case sig := <-m.signals:
			m.noteSignal(sig)
		case <-flowOver:
			over = true
		}
	}
	return m.finish()
}

// begin makes the process scope ours, listens for signals and starts run.
func (m *mainLoop) begin() {
	if s := Process(); s.isClosed() {
		process.CompareAndSwap(s, nil) // somebody closed it by hand: this program starts with a fresh one
	}
	m.scope = Process()
	s := m.scope
	s.mu.Lock()
	s.overrides = overrides{m.p.Grace, m.p.HookTimeout, m.p.Logger}
	s.mu.Unlock()
	notify(m.signals, m.p.Signals)

	ctx, cancel := context.WithCancelCause(m.ctx)
	context.AfterFunc(s.Context(), func() { cancel(context.Cause(s.Context())) })
	in := &insider{scope: m.scope}
	mark := in.newMark()
	m.hold = &hold{name: "run", run: true, since: time.Now(), worker: in.id, site: siteOfFunc(m.run)}
	_ = m.scope.addHold(m.hold) // the scope may be closing already: then the loop ends at once
	ctx = context.WithValue(ctx, insiderKey{}, in)
	m.runCtx = ctx
	go in.live(mark, m) // ends when run returns; after a panic of run, when the flow is over
}

// inside calls run. Closing the process scope awaits it, as it awaits a hold.
func (m *mainLoop) inside(in *insider) {
	returned := false
	var err error
	defer func() {
		res := runResult{err: err, exited: in.exited}
		if !returned {
			if v := recover(); v != nil {
				res.panicked = &PanicError{Value: v, Stack: debug.Stack()}
			} else if !in.exited {
				res.err = ErrGoexit
			}
		}
		m.scope.endHold(m.hold)
		m.returned <- res // before the hold is dropped: when the flow is over, the loop has to know
		m.scope.dropHold(m.hold)
		if res.panicked != nil && <-m.crash {
			panic(res.panicked.Value) // from within the deferred call, so that the trace shows where it began
		}
	}()
	m.recoverOrphans() // here, so that signals are heard meanwhile
	err = sound(m.run(m.runCtx))
	returned = true
}

// requestExit is Exit, called from any goroutine.
func (m *mainLoop) requestExit(e *ExitError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.exits = append(m.exits, e)
	m.wakeOnce.Do(func() { close(m.wake) })
}

func (m *mainLoop) noteExits() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.exits {
		if m.by == byNobody {
			m.by, m.code, m.cause = byExit, e.Code, e
		} else if m.code == 0 {
			m.code = e.Code
		}
	}
	m.exits = m.exits[:0:0]
}

// noteClosed is the close of the process scope by somebody else.
func (m *mainLoop) noteClosed() {
	m.noteExits()
	m.cause = context.Cause(m.scope.Context())
}

func (m *mainLoop) noteReturn(res runResult) {
	m.noteExits() // what run asked for before it ended comes first
	m.result = &res
	if m.cause == nil && m.ctx.Err() != nil && (res.err == nil || saysOnly(res.err, m.ctx.Err(), context.Cause(m.ctx))) {
		m.cause = context.Cause(m.ctx) // run was just faster to see it
	}
	if res.panicked != nil {
		m.panicked = res.panicked
		if m.cause == nil {
			m.cause = res.panicked
		}
		return
	}
	if res.exited {
		return
	}
	if res.err != nil && m.p.logger(m.scope) != nil && !m.interrupted() {
		m.scope.write(new(atomic.Int64), m.p.logger(m.scope), slog.LevelError, "lastly: run failed", slog.Any("error", res.err))
	}
	if m.cause == nil {
		m.cause = ErrClosing
		if res.err != nil {
			m.cause = fmt.Errorf("run returned: %w", res.err)
		}
	}
	switch m.by {
	case byNobody:
		m.by, m.code = byReturn, codeOf(res.err)
	case byExit:
		if m.code == 0 && !m.interrupted() {
			m.code = codeOf(res.err)
		}
	}
}

func (p Program) logger(s *Scope) *slog.Logger { return cmp.Or(p.Logger, s.Logger) }

// noteSignal returns whether the signal asks the program to end. A second one ends the process here and now.
func (m *mainLoop) noteSignal(sig os.Signal) bool {
	m.noteExits() // what was asked for before it arrived comes first
	if isPipeSignal(sig) && m.first != nil {
		return false // every write to a broken pipe raises it: it is no second request
	}
	if isPipeSignal(sig) && !slices.Contains(m.p.Signals, sig) {
		if m.by != byNobody || m.cause != nil || !outputIsBroken() {
			return false // a socket's, or nothing new: the write has failed, and that is for the writer to handle
		}
		m.by, m.cause = bySignal, &SignalError{sig}
		m.first, m.at, m.dieBy = sig, time.Now(), sig
		return true
	}
	if m.first != nil {
		if sig != m.first || time.Since(m.at) >= samePress {
			m.force(sig)
		}
		return false
	}
	m.first, m.at = sig, time.Now()
	switch {
	case m.by == byNobody:
		m.by, m.cause = bySignal, &SignalError{sig}
	case m.code == 0 && sig == os.Interrupt && m.by != bySignal:
		m.by = bySignal // it came later, but it is no 0
	}
	return true
}

// force ends the process at once.
func (m *mainLoop) force(sig os.Signal) {
	n, ok := signalNumber(sig)
	if !ok {
		n = 0
	}
	m.say(fmt.Sprintf("lastly: received %v again: exiting at once, cleanups that have not ended are skipped", sig))
	osExit(128 + n)
}
