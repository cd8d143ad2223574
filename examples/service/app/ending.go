package app

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// The deaths that POST /end/{how} brings about. Signals need no help from the service.
const (
	EndReturn = "return" // run returns nil
	EndError  = "error"  // run returns an error
	EndPanic  = "panic"  // run panics
	EndExit   = "exit"   // the handler itself exits, with ExitCode
)

// ExitCode is the code of EndExit: one that nothing else ends with.
const ExitCode = 3

// PIDHeader is the header of the answer to GET /converter, and holds the child's process id.
const PIDHeader = "Converter-Pid"

var errTold = errors.New("service: failed because it was told to")

// ending ends the service on command.
type ending struct {
	exit func(code int)
	told chan string
}

func newEnding(exit func(int)) *ending { return &ending{exit: exit, told: make(chan string, 1)} }

// pidHandler answers with the converter's process id in PIDHeader.
func pidHandler(pid int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(PIDHeader, strconv.Itoa(pid))
	})
}

// ServeHTTP answers first: after that there may be nobody left to do it.
func (e *ending) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	how := r.PathValue("how")
	switch how {
	case EndReturn, EndError, EndPanic, EndExit:
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	_ = http.NewResponseController(w).Flush() // who asked for the end need not see the answer
	if how == EndExit {
		e.exit(ExitCode)
	}
	select {
	case e.told <- how:
	default: // it is ending already
	}
}

// wait is what the service's run does while the others work: it returns when the service shall end.
func (e *ending) wait(ctx context.Context, serverFailed <-chan error) error {
	select {
	case <-ctx.Done():
		return nil // asked by a signal, and ready to go: that is no error
	case err := <-serverFailed:
		return err
	case how := <-e.told:
		switch how {
		case EndError:
			return errTold
		case EndPanic:
			panic("service: panicked because it was told to")
		}
		return nil
	}
}
