package resource

import (
	"os/exec"
	"reflect"
	"sync"
)

// A shadow is the exec.Cmd that was started: a copy of the user's, with what that has of package exec.
type shadow struct {
	*exec.Cmd

	mu             sync.Mutex // guards what follows
	waited, reaped bool
	released       bool
}

// release makes package exec let go of a command: of the goroutine that waits for the end of its context, and of this process's
// ends of its pipes. Only Wait does both, and it closes the pipes at once; so it is called when the process was reaped, and
// the user has waited or there are no pipes.
func (s *shadow) release(waited, reaped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waited, s.reaped = s.waited || waited, s.reaped || reaped
	if s.released || !s.reaped || !s.waited && s.hasPipes() {
		return
	}
	s.released = true
	_ = s.Wait() // fails: it was waited for
}

// hasPipes reports whether StdinPipe, StdoutPipe or StderrPipe was called. When in doubt: true.
func (s *shadow) hasPipes() bool {
	pipes := reflect.ValueOf(s.Cmd).Elem().FieldByName("parentIOPipes")
	return !pipes.IsValid() || pipes.Kind() != reflect.Slice || pipes.Len() > 0
}
