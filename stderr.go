package lastly

import (
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// This file writes what a program without a Logger has to say at its end.

// say writes to Stderr, which may be a pipe that nobody reads.
func (m *mainLoop) say(line string) { sayTo(m.stderr(), line) }

func (m *mainLoop) stderr() io.Writer {
	if m.p.Stderr != nil {
		return m.p.Stderr
	}
	return os.Stderr
}

// sayPatience is longer than logPatience: what is said here is said once, and the process ends after it.
const sayPatience = time.Second

func sayTo(w io.Writer, line string) {
	bounded(sayPatience, func() { _, _ = io.WriteString(w, line+"\n") })
}

// printFailures writes what failed while a scope closed, for programs without a Logger.
func printFailures(w io.Writer, s *Scope) {
	s.mu.Lock()
	var errs []error
	if s.flow != nil {
		errs = slices.Clone(s.flow.errs)
	}
	s.mu.Unlock()
	var b strings.Builder
	for _, err := range errs {
		b.WriteString(err.Error())
		if stack := stackIn(err); stack != "" {
			b.WriteString("\n" + stack)
		}
		b.WriteString("\n")
	}
	if b.Len() > 0 {
		sayTo(w, strings.TrimSuffix(b.String(), "\n")) // at once: the wait for a Stderr that blocks is bounded once
	}
}
