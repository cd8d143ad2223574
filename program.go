package lastly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// An ExitPolicy says how a process ends that a signal asked to end. SIGPIPE always ends it by SIGPIPE, and PID 1, which
// no signal of its own can kill, always exits with 128+n where another process would die by the signal.
type ExitPolicy int

const (
	// ExitAuto is the default. After SIGINT the process dies by SIGINT, so that a shell loop stops. After any other
	// signal it exits 0 if run returned nil (it finished), 1 if run returned an error of its own, and dies by the
	// signal if run returned its context's error, or ErrClosing, or did not return (it was interrupted).
	ExitAuto ExitPolicy = iota
	// ExitBySignal makes the process die by the signal, whatever run returned.
	ExitBySignal
	// ExitWithCode makes it exit with 128+n, as shells report a death by signal.
	ExitWithCode
	// ExitZero makes it exit 0, unless run returned an error other than its context's or a cleanup failed.
	ExitZero
)

// A Program says how the process runs and ends. The zero value is what Main uses. What a Program sets wins over the
// fields of the process scope. Negative durations are refused.
type Program struct {
	// Grace bounds the exit flow; 0 means the process scope's, DefaultGrace when that sets none.
	Grace time.Duration

	// HookTimeout bounds each hook that sets no timeout, and how long run is awaited once its context has ended; 0 means
	// the process scope's, DefaultHookTimeout when that sets none.
	HookTimeout time.Duration

	// Signals are the signals that begin the exit flow. nil means SIGINT, SIGTERM and SIGHUP; empty but not nil means
	// none. SIGPIPE is caught in any case, and begins the flow only when stdout or stderr is the broken pipe. SIGINT
	// and SIGHUP stay ignored if they were when the program started (nohup, a shell's &); of other signals the Go
	// runtime does not tell, unless the program itself ignored them.
	Signals []os.Signal

	// OnSignal says how the process ends after a signal; 0 is ExitAuto.
	OnSignal ExitPolicy

	// Logger hears what the exit flow does; nil means the process scope's. Without any, failures are written to Stderr.
	Logger *slog.Logger

	// Stderr is where a Program without Logger writes errors, and every Program says why it was forced to exit; nil
	// means os.Stderr.
	Stderr io.Writer

	// OnExit, if not nil, is called with the final report when the exit flow is over, for at most a second.
	OnExit func(Report)
}

// Main is Program{}.Main(run).
func Main(run func(ctx context.Context) error) { Program{}.main(run, caller(0)) }

// Main calls run and ends the process when run returns, when a signal arrives, when anybody calls Exit, or when the
// process scope closes for another reason; it never returns. Before the process ends, run's context ends (context.Cause
// tells why), run is awaited (at most HookTimeout), and the process scope closes.
//
// The exit code is 0 if run returned nil, 1 if it returned an error (the code of an *ExitError in it), and that of Exit
// if somebody called it; see ExitPolicy for signals. The first of these decides, a later non-zero replaces only 0, and
// a failed cleanup makes 1 of 0. A panic in run runs the hooks and then ends the process as panics do, with code 2.
//
// The first signal asks; a second one (the same after 100 ms, or a different one) ends the process at once with 128+n.
// If the Program makes no sense, or another one runs, Main writes an error to Stderr, starts nothing, and is an Exit(2).
func (p Program) Main(run func(context.Context) error) { p.main(run, caller(0)) }

func (p Program) main(run func(context.Context) error, site uintptr) {
	m, code := p.run(context.Background(), run)
	if m == nil {
		exit(code, site) // not os.Exit: what was registered so far is undone
	}
	if m.panicked != nil {
		if !stderrTakesMore(time.Second) {
			osExit(2) // printing the trace would block for ever
		}
		m.crash <- true // lets run's goroutine panic on, with its stack as it was
		select {}
	}
	if m.dieBy != nil {
		dieBy(m.dieBy)
	}
	if code == 0 {
		m.noteExits() // of OnExit, or of what was given up and has gone on
		code = m.code
	}
	osExit(code)
}

// Run is Main for tests and for programs that embed another one: it returns the exit code instead of ending the process
// (128+n where Main would die by signal n, 2 after a panic, whose stack it writes to Stderr). The end of ctx asks run to
// end as a signal does. Exit, meanwhile, ends its goroutine, and a second signal still ends the process. Afterwards, the
// process scope is fresh.
func (p Program) Run(ctx context.Context, run func(context.Context) error) int {
	m, code := p.run(ctx, run)
	if m == nil {
		return code
	}
	if late := m.release(); code == 0 {
		code = late
	}
	if m.panicked != nil {
		m.crash <- false
		m.say(fmt.Sprintf("panic: %v\n\n%s", m.panicked.Value, m.panicked.Stack))
		return 2
	}
	if n, ok := signalNumber(m.dieBy); ok {
		return 128 + n
	}
	return code
}

// current is the Program that runs.
var current atomic.Pointer[mainLoop]

// run does everything but end the process. m is nil if nothing was started.
func (p Program) run(ctx context.Context, run func(context.Context) error) (m *mainLoop, code int) {
	becomeGuard()
	m = newMainLoop(p, ctx, run)
	err := p.check(run)
	if err == nil {
		err = m.claim()
	}
	if err != nil {
		m.say("lastly: Main: " + err.Error())
		return nil, 2
	}
	code = m.loop()
	finishDurable()
	return m, code
}

// claim makes m the one Program that runs.
func (m *mainLoop) claim() error {
	exiting.mu.Lock()
	begun := exiting.begun
	claimed := !begun && current.CompareAndSwap(nil, m)
	exiting.mu.Unlock()
	if begun {
		select {} // somebody called Exit before: the process is about to end
	}
	if !claimed {
		return errors.New("another Main or Program.Run is running, and a process has one exit flow: start the second one when the first has returned")
	}
	return nil
}

// release makes room for the next Program. It returns the code of an Exit that came when everything had run.
func (m *mainLoop) release() (code int) {
	exiting.mu.Lock()
	defer exiting.mu.Unlock()
	process.CompareAndSwap(m.scope, nil)
	current.Store(nil)
	m.noteExits()
	return m.code
}

// check returns what makes no sense, before anything starts.
func (p Program) check(run func(context.Context) error) error {
	switch {
	case run == nil:
		return errors.New("run is nil; pass the function that is your program")
	case p.Grace < 0:
		return fmt.Errorf("the Program's Grace is negative (%v); 0 means %v", p.Grace, DefaultGrace)
	case p.HookTimeout < 0:
		return fmt.Errorf("the Program's HookTimeout is negative (%v); 0 means %v", p.HookTimeout, DefaultHookTimeout)
	case p.OnSignal < ExitAuto || p.OnSignal > ExitZero:
		return fmt.Errorf("the Program's OnSignal %d is no ExitPolicy; take one of ExitAuto, ExitBySignal, ExitWithCode, ExitZero", int(p.OnSignal))
	}
	for _, sig := range p.Signals {
		if err := checkSignal(sig); err != nil {
			return err
		}
	}
	return nil
}

// exitInfo is how the process ends; for the report.
type exitInfo struct{ code int }
