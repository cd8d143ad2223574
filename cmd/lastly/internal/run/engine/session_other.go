//go:build !linux || (!amd64 && !arm64)

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A Session is one command that is run. On this system package resource holds its tree, and nobody goes on when lastly is killed,
// but for the guard where there is one.
type Session struct {
	Options *Options
	Mark    string // not used here
	Socket  string // the path of the run's socket; "": there is none

	NoSocket string // why there is none

	Inner, Command int // process numbers; 0: none

	scope    lastly.Scope
	process  *resource.Process
	signals  chan os.Signal
	failure  error
	TimedOut bool
}

// Begun is a command that runs already: never on this system.
var Begun *Session

// Prepare makes this process ready to run a command: from now on it takes signals.
func Prepare(o *Options) (*Session, error) {
	s := &Session{Options: o, signals: make(chan os.Signal, 64)}
	for _, sig := range forwarded {
		if !signal.Ignored(sig) {
			signal.Notify(s.signals, sig)
		}
	}
	return s, nil
}

// Start starts the command, with env added to the environment. The error is a *StartError.
func (s *Session) Start(env ...string) error {
	cmd := exec.Command(s.Options.Command[0], s.Options.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	if s.Socket != "" {
		cmd.Env = append(cmd.Env, SocketVariable+"="+s.Socket)
	} else if s.NoSocket != "" {
		cmd.Env = append(cmd.Env, SocketVariable+"="+NoSocketMark+s.NoSocket)
	}
	cmd.WaitDelay = time.Duration(s.Options.Grace) * time.Millisecond
	p, err := resource.Start(&s.scope, cmd)
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return &StartError{CodeNotFound, err.Error()}
	case err != nil:
		return &StartError{CodeCannotExec, err.Error()}
	}
	s.process, s.Command = p, p.Pid()
	return nil
}

// Run waits for the command, passes signals on meanwhile, and ends what is left of its tree. It returns false.
func (s *Session) Run() (asked bool) {
	var limit <-chan time.Time
	if t := s.Options.Timeout; t > 0 {
		limit = time.After(time.Duration(t) * time.Millisecond)
	}
	for over := false; !over; {
		select {
		case <-s.process.Done():
			over = true
		case sig := <-s.signals:
			_ = s.process.Signal(sig)
		case <-limit:
			s.TimedOut, over = true, true
		}
	}
	if err := s.process.Stop(context.Background()); err != nil {
		s.Warn(err.Error())
	}
	s.failure = s.process.Wait()
	return false
}

// Code is the exit status for what became of the command.
func (s *Session) Code() int {
	exit, ok := errors.AsType[*resource.ExitError](s.failure)
	switch {
	case s.TimedOut:
		return CodeTimeout
	case s.failure == nil:
		return 0
	case !ok:
		return CodeOwn
	}
	code := exit.Code
	if exit.Signal != nil {
		code = 128 + numberOf(exit.Signal)
	}
	if s.Options.IsOK(code) {
		return 0
	}
	return code
}

// WatchLate takes signals while what is registered is undone: a second one ends the process. It never returns.
func (s *Session) WatchLate() {
	<-s.signals
	sig := <-s.signals
	Print(fmt.Sprintf("received %v again: exiting at once", sig))
	os.Exit(128 + numberOf(sig))
}

// Served is for what has begun plainly, which nothing does here.
func (s *Session) Served() {}

// Taken is no descriptor.
func (s *Session) Taken() int { return -1 }

// Unlisten has no socket to remove.
func (s *Session) Unlisten() {}

// Print writes a line to stderr.
func Print(text string) { _, _ = os.Stderr.WriteString("lastly: run: " + text + "\n") }
