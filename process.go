package lastly

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// process is the scope of the process, made when first asked for, and anew when Program.Run has returned.
var process atomic.Pointer[Scope]

// Process returns the scope of the process: the one that Main, Exit and a signal under Main close. After Program.Run it
// is a fresh one, so ask for it anew instead of keeping it.
func Process() *Scope {
	if s := process.Load(); s != nil {
		return s
	}
	process.CompareAndSwap(nil, &Scope{Name: "process"})
	return process.Load()
}

// Register adds a hook to the process scope; see Scope.Register, also for what happens in a hook and after the end.
func Register(h Hook) *Handle { return Process().register(&h, kindHook, nil, caller(0)) }

// Defer registers a cleanup of any shape on the process scope, as a defer statement would that is not skipped:
// lastly.Defer("db", db.Close). It panics if c is nil.
func Defer[C Cleanup](name string, c C) *Handle {
	return Process().register(&Hook{Name: name, Run: Func(c)}, kindHook, nil, caller(0))
}

// Go runs a goroutine that the process scope stops and awaits; see Scope.Go. Its failure begins the exit flow.
func Go(name string, run func(context.Context) error) *Handle {
	return Process().goTask(Hook{Name: name, Run: run}, caller(0))
}

// exiting is an Exit without Main.
var exiting struct {
	mu    sync.Mutex
	begun bool
	code  int
}

// osExit is where the process ends.
var osExit = os.Exit

// Exit ends the program: it begins the exit flow, which closes the process scope, and ends with the given code (of
// which the system may keep only the lowest 8 bits). It may be called from any goroutine, at any time, more than once,
// and from hooks: the first call decides the code, and a later non-zero one replaces only 0.
//
// Under Main, Exit does not return: it ends the calling goroutine with runtime.Goexit (deferred calls run), so that the
// hook or HTTP handler that calls it counts as ended and nothing waits for it. Without Main it blocks until the process
// is gone, and failed cleanups are written to os.Stderr; only a hook or a Go is ended, because the flow would have to
// wait for it.
func Exit(code int) { exit(code, caller(0)) }

func exit(code int, site uintptr) {
	in := thisInsider()
	underMain := requestExit(code, site)
	if in == nil && !underMain {
		select {} // until the process is gone
	}
	if in != nil {
		in.exited = true
	}
	runtime.Goexit()
}

// requestExit begins the exit flow, or tells the one that runs of another code. It reports whether there is a Main.
func requestExit(code int, site uintptr) (underMain bool) {
	e := &ExitError{Code: code, Site: siteString(site)}
	exiting.mu.Lock()
	defer exiting.mu.Unlock()
	if p := current.Load(); p != nil {
		p.requestExit(e)
		return true
	}
	if exiting.code == 0 {
		exiting.code = code
	}
	if !exiting.begun {
		exiting.begun = true
		go exitAlone(e) // ends the process
	}
	return false
}

// exitAlone is an exit flow without Main.
func exitAlone(cause *ExitError) {
	s := Process()
	_ = s.shutdown(context.Background(), cause)
	exiting.mu.Lock()
	code := exiting.code
	exiting.mu.Unlock()
	if code == 0 && s.hardFailures() > 0 {
		code = 1
	}
	printFailures(os.Stderr, s)
	finishDurable()
	osExit(code)
}

// hardFailures counts the failures that count for the exit code.
func (s *Scope) hardFailures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flow == nil {
		return s.earlyHard
	}
	return s.flow.hard
}

// Fatal is what log.Fatal should have been: it logs like log.Print, for which it waits at most a second, and then calls
// Exit(1). It does not return, and may be called from anywhere that Exit may.
func Fatal(v ...any) { fatal(fmt.Sprint(v...), caller(0)) }

// Fatalf is Fatal with a format, as log.Fatalf.
func Fatalf(format string, v ...any) { fatal(fmt.Sprintf(format, v...), caller(0)) }

func fatal(msg string, site uintptr) {
	// A log that blocks must not keep the program from exiting.
	late := time.AfterFunc(time.Second, func() { requestExit(1, site) })
	output(msg)
	late.Stop()
	exit(1, site)
}

// output is log.Print for Fatal's caller; a writer that panics is no reason not to exit.
func output(msg string) {
	defer func() { _ = recover() }()
	_ = log.Output(4, msg) // as seen from Fatal's caller
}
