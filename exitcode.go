package lastly

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// This file decides how the process ends when everything has run.

// reportPatience is how long the final report may take.
const reportPatience = 5 * time.Second

// finish decides how the process ends when everything has run.
func (m *mainLoop) finish() int {
	select {
	case res := <-m.returned:
		m.noteReturn(res)
	default:
	}
	m.noteExits()
	signal.Stop(m.signals)
	if m.by == bySignal {
		m.applyPolicy()
	} else if m.by == byNobody && m.panicked == nil {
		m.code = 1 // run was given up: somebody closed the scope, a Go failed, or the context of Program.Run ended
	}
	if m.code == 0 && m.scope.hardFailures() > 0 {
		m.code = 1
	}
	s := m.scope
	s.mu.Lock()
	s.exit = &exitInfo{m.exitCode()}
	s.mu.Unlock()
	if m.p.logger(s) == nil {
		if m.result != nil && m.result.err != nil && (m.by == byReturn || !m.interrupted()) {
			m.say(fmt.Sprintf("lastly: run: %v", m.result.err))
		}
		printFailures(m.stderr(), s)
	}
	m.tellOnExit()
	return m.code
}

// tellOnExit calls OnExit with the final report. A hook's Note, which the report asks for, is foreign code as well; but a
// report on many hooks may take its time on a busy machine, and is not to be lost for that.
func (m *mainLoop) tellOnExit() {
	if m.p.OnExit == nil {
		return
	}
	made := make(chan Report, 1)
	bounded(reportPatience, func() { made <- m.scope.Report() })
	select {
	case report := <-made:
		bounded(time.Second, func() { m.p.OnExit(report) })
	default:
	}
}

// interrupted reports whether run returned because it was told to: with the error of its context, or with that of
// something that the process scope would not take on any more.
func (m *mainLoop) interrupted() bool {
	if m.result == nil {
		return true
	}
	err := m.result.err
	cause := context.Cause(m.scope.Context())
	return err != nil && m.scope.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause) || errors.Is(err, ErrClosing)) ||
		err != nil && m.ctx.Err() != nil && errors.Is(err, m.ctx.Err())
}

func codeOf(err error) int {
	var e *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e) && e != nil:
		return e.Code
	}
	return 1
}

// applyPolicy decides how to end after a signal.
func (m *mainLoop) applyPolicy() {
	if m.dieBy != nil { // SIGPIPE
		m.dieBy = orCode(m.dieBy, &m.code)
		return
	}
	asked := m.code // of an Exit that came later
	n, _ := signalNumber(m.first)
	finished := m.result != nil && (m.result.err == nil || m.result.exited)
	failed := m.result != nil && m.result.err != nil && !m.interrupted()
	die := false
	switch m.p.OnSignal {
	case ExitBySignal:
		die = true
	case ExitWithCode:
		m.code = 128 + n
	case ExitZero:
		if failed {
			m.code = codeOf(m.result.err)
		}
	default:
		switch {
		case m.first == os.Interrupt:
			die = true
		case finished:
		case failed:
			m.code = codeOf(m.result.err)
		default:
			die = true
		}
	}
	if die {
		m.dieBy = orCode(m.first, &m.code)
	} else if m.code == 0 {
		m.code = asked
	}
}

// orCode returns the signal to die by. PID 1 can't die by its own signal, so it gets a code instead.
func orCode(sig os.Signal, code *int) os.Signal {
	n, ok := signalNumber(sig)
	*code = 128 + n
	if !ok || os.Getpid() == 1 || !endsProcess(sig) {
		return nil
	}
	return sig
}

// exitCode is the code as a shell would report it.
func (m *mainLoop) exitCode() int {
	if m.panicked != nil {
		return 2
	}
	if n, ok := signalNumber(m.dieBy); ok {
		return 128 + n
	}
	return m.code
}

func signalNumber(sig os.Signal) (int, bool) {
	n, ok := sig.(syscall.Signal)
	return int(n), ok
}
