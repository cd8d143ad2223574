package supervise

import (
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
)

// What the command line tool asks of its supervisor beyond what package resource does.

// heed takes what the Config says of it.
func (s *supervisor) heed(c *Config) {
	if c.Stops {
		s.ended.more, s.parent = syscall.WUNTRACED|syscall.WCONTINUED, syscall.Getppid()
	}
	if c.LetGo {
		s.spares, s.session = true, early.SessionOf(0)
	}
}

// stopped stops the owner with the command, as a shell expects of a job, and lets it go on with it. The owner could stop itself, but
// not go on, and not tell which of the two came last.
func (s *supervisor) stopped(pid int, status syscall.WaitStatus) {
	switch {
	case pid != s.command:
	case status.Stopped():
		if hasShell(s.parent) {
			s.signalOwner(syscall.SIGSTOP)
		} else if status.StopSignal() != syscall.SIGSTOP {
			s.stoppedTooEarly()
		}
	default:
		s.wake()
	}
}

// wake lets the owner go on that has stopped with the command, which goes on or has ended.
func (s *supervisor) wake() { s.signalOwner(syscall.SIGCONT) }

func (s *supervisor) signalOwner(sig syscall.Signal) {
	if s.parent != 0 && s.control >= 0 && syscall.Getppid() == s.parent {
		_ = syscall.Kill(s.parent, sig)
	}
}

// isLetGo reports whether a process has left the session, as daemons do. What descends from it is let go with it. The command itself
// never is.
func (s *supervisor) isLetGo(pid int) bool {
	return s.spares && pid != s.command && early.SessionOf(pid) != s.session
}

// letGo ends the supervisor when none is left but those that are let go.
func (s *supervisor) letGo() {
	if !s.spares || s.state == running || s.command != 0 {
		return
	}
	for _, pid := range s.children(s.self) {
		if !s.isLetGo(pid) {
			return
		}
	}
	s.send(Gone, 0)
	syscall.Exit(0)
}

// Children are the children of this process, zombies among them, for an owner whose supervisor is gone.
func Children() []int {
	t := newTree()
	return t.children(t.self)
}

// NameOf is what the kernel calls a process, at most 15 bytes of it; "" when there is none.
func NameOf(pid int) string { return nameOf(pid) }

// NameOf a guard and a supervisor.
const (
	Guard      = guard
	Supervisor = comm
)

// HasShell reports whether somebody can continue a process's group.
func HasShell(pid int) bool { return hasShell(pid) }

// ParentOf is the parent's number; 0 when there is no such process.
func ParentOf(pid int) int { return parentOf(pid) }
