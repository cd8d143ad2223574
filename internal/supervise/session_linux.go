package supervise

import (
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
)

// leaveSession makes a session of this process's own, once the command is forked. To the kernel, a process whose parent is in its
// session, but in another group, has a shell that can continue it, and with it its whole group. This one is no shell: where there
// is none but it (script(1), ssh, a container with a terminal), Ctrl-Z must not stop anything, and when the shell of a stopped job
// has ended, the job is due SIGHUP.
//
// The leader of a group can't leave, so it joins the command's on the way.
func (s *supervisor) leaveSession() {
	if group, err := syscall.Getpgid(s.command); err == nil && group > 0 {
		_ = syscall.Setpgid(0, group)
	}
	_, _ = syscall.Setsid()
}

// stoppedTooEarly lets go on what a key has stopped before leaveSession, and would not have stopped after.
func (s *supervisor) stoppedTooEarly() {
	if group, err := syscall.Getpgid(s.command); err == nil && group > 0 {
		_ = syscall.Kill(-group, syscall.SIGCONT)
		return
	}
	_ = syscall.Kill(s.command, syscall.SIGCONT)
}

// hasShell reports whether somebody in the session can continue a process's group; it is orphaned otherwise. Other supervisors, which
// have left the session, are passed over. Of a group from outside of this PID namespace, whose number is 0 here, nobody knows; most
// often it is a job of a shell.
func hasShell(pid int) bool {
	group, err := syscall.Getpgid(pid)
	if group == 0 && err == nil {
		return true
	}
	for session := early.SessionOf(pid); err == nil; {
		if pid = parentOf(pid); pid > 0 && nameOf(pid) == comm {
			pid = parentOf(pid)
		}
		if pid <= 0 || early.SessionOf(pid) != session {
			return false
		}
		if other, err := syscall.Getpgid(pid); err != nil || other != group {
			return err == nil
		}
	}
	return false
}
