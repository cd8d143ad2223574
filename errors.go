package lastly

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrClosing is returned to whoever can't wait for a scope because the scope would have to wait for them: a hook (or
	// a goroutine started with Go, or Main's run) that closes its own scope or one of its parents. The close goes on, or
	// begins, all the same. Hold returns it once hooks have started. It is also what context.Cause says of a scope that
	// was closed by Close or Shutdown.
	ErrClosing = errors.New("lastly: scope is closing")

	// ErrClosed is returned by Hold on a closed scope. It is a kind of ErrClosing: errors.Is(ErrClosed, ErrClosing).
	ErrClosed error = closedError{}

	// ErrCanceled is returned by Handle.Run when the hook was cancelled, so that there was nothing to run.
	ErrCanceled = errors.New("lastly: hook was cancelled")

	// ErrGoexit is the failure of a hook that called runtime.Goexit (t.FailNow does) instead of returning.
	ErrGoexit = errors.New("called runtime.Goexit instead of returning")

	// ErrNotStarted is the failure of a hook whose turn did not come before the grace and the reserve were over.
	ErrNotStarted = errors.New("did not start: the time of the exit flow was over before its turn; raise Grace, or look at what was slow before it")
)

type closedError struct{}

func (closedError) Error() string        { return "lastly: scope is closed" }
func (closedError) Is(target error) bool { return target == ErrClosing }

// A HookError is the failure of one hook (or Go, child scope, hold). Close joins them in the order in which they
// happened; find one with errors.As, or all of them in Report.
type HookError struct {
	Name       string // the hook's name, or its site's file and line
	Site       string // file:line of the registration
	BestEffort bool   // the failure changes no exit code
	Err        error  // the hook's own error, a *PanicError, a *TimeoutError, ErrGoexit or ErrNotStarted
}

func (e *HookError) Error() string {
	return fmt.Sprintf("lastly: hook %s (%s): %v", strconv.Quote(e.Name), e.Site, e.Err)
}

func (e *HookError) Unwrap() error { return e.Err }

// A PanicError is a panic that was kept from ending the program before the other hooks ran.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked, as debug.Stack prints it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns Value when it is an error (a runtime.Error, for example), else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// A TimeoutError says that a hook overran its time. errors.Is finds context.DeadlineExceeded in it, and what the hook
// itself returned, if it returned.
type TimeoutError struct {
	After     time.Duration // how long it had been running when it returned or was given up
	Abandoned bool          // it had not returned: it may be running still
	Stack     []byte        // where an abandoned hook's goroutine stood; nil when it could not be found
	Err       error         // what the hook returned, late; nil if it said that all was well, or nothing yet
}

func (e *TimeoutError) Error() string {
	after := e.After.Round(time.Millisecond)
	if e.Abandoned {
		return fmt.Sprintf("timed out: abandoned after %v, still running", after)
	}
	if e.Err != nil {
		return fmt.Sprintf("timed out: returned only after %v: %v", after, e.Err)
	}
	return fmt.Sprintf("timed out: returned only after %v", after)
}

// Timeout reports true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

func (e *TimeoutError) Unwrap() []error {
	if e.Err == nil {
		return []error{context.DeadlineExceeded}
	}
	return []error{context.DeadlineExceeded, e.Err}
}

// A Member names one hook in a CycleError or an UnknownNameError.
type Member struct {
	Name string `json:"name"`
	Site string `json:"site"` // file:line of the registration
}

func (m Member) String() string { return fmt.Sprintf("%s (%s)", strconv.Quote(m.Name), m.Site) }

// A CycleError lists hooks that use each other in a loop, in the order of registration. They run all the same, in
// reverse. Check returns it; Close does not.
type CycleError struct {
	Scope   string
	Members []Member
}

func (e *CycleError) Error() string {
	parts := make([]string, len(e.Members))
	for i, m := range e.Members {
		parts[i] = m.String()
	}
	return fmt.Sprintf("lastly: scope %s: hooks use each other in a loop, so they run in reverse order of registration; take one name out of their Uses: %s",
		strconv.Quote(e.Scope), strings.Join(parts, ", "))
}

// An UnknownNameError says that a hook uses a name that nobody registered in its scope: a typo, a hook of another scope,
// or one that is gone already. It constrains nothing. Check returns it; Close does not.
type UnknownNameError struct {
	Scope string
	Hook  Member
	Name  string
}

func (e *UnknownNameError) Error() string {
	return fmt.Sprintf("lastly: scope %s: hook %v uses %s, which nobody registered in this scope; it is not ordered by that name",
		strconv.Quote(e.Scope), e.Hook, strconv.Quote(e.Name))
}

// A SignalError is the cause of an exit flow that a signal began: errors.As finds it in context.Cause of run's context
// and of Scope.Context.
type SignalError struct {
	Signal os.Signal
}

func (e *SignalError) Error() string { return "lastly: received signal: " + e.Signal.String() }

// An ExitError is the cause of an exit flow that Exit began. Returned (or wrapped) by Main's run, it sets the exit code.
type ExitError struct {
	Code int
	Site string // file:line of the call of Exit; "" in an ExitError made by the program
}

func (e *ExitError) Error() string {
	if e.Site == "" {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return fmt.Sprintf("lastly: Exit(%d) was called at %s", e.Code, e.Site)
}
