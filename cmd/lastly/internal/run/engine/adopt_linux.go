//go:build amd64 || arm64

package engine

import (
	"strconv"
	"syscall"

	"github.com/lastly-go/lastly/internal/supervise"
)

// How the tree is ended when the inner process can't do it any more.
const (
	lookAgain = 5   // ms between two looks at what is left; doubles
	lookMost  = 200 // ms
	strayTime = 500 // ms that whoever has started a child in this process has to reap it
)

// reap takes the children that have ended, of which this process knows nothing: as PID 1 it gets all orphans.
func (s *Session) reap() {
	if s.served {
		s.reapStrays()
		return
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, s.waitFlags(), nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		s.reaped(pid, status)
	}
}

// reapStrays is reap while hooks and the guard have children of this process, too, which they reap themselves. What nobody has
// reaped for a while is nobody's.
func (s *Session) reapStrays() {
	if s.direct && !s.ended {
		var status syscall.WaitStatus
		if pid, err := syscall.Wait4(s.Command, &status, s.waitFlags(), nil); err == nil && pid == s.Command {
			s.reaped(pid, status)
		}
	}
	strays := make(map[int]int64)
	for _, pid := range supervise.Children() {
		if pid == s.Inner || s.direct && pid == s.Command || !isZombie(pid) {
			continue
		}
		since, known := s.strays[pid]
		if !known {
			since = now()
		}
		if now()-since < strayTime {
			strays[pid] = since
			continue
		}
		var status syscall.WaitStatus
		if got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err == nil && got == pid {
			s.reaped(pid, status)
		}
	}
	s.strays = strays
}

// waitFlags: of a child that has stopped, too, if the command is one.
func (s *Session) waitFlags() int {
	if s.direct && s.shared {
		return syscall.WNOHANG | syscall.WUNTRACED
	}
	return syscall.WNOHANG
}

func (s *Session) reaped(pid int, status syscall.WaitStatus) {
	switch {
	case pid != s.Command || s.ended || !s.direct && !s.Lost:
	case status.Stopped():
		s.stop()
	default:
		s.ended, s.Status = true, status
	}
}

// innerIsGone ends the tree, which is this process's now.
func (s *Session) innerIsGone() {
	s.forget()
	s.Lost = true
	s.Warn("the process that held the command's tree was killed: the tree gets SIGTERM, and SIGKILL after " + s.Options.Grace.String())
	s.endAdopted()
}

// endAdopted ends what descends from this process.
func (s *Session) endAdopted() {
	deadline, pause := now()+int64(s.Options.Grace), int64(lookAgain)
	asked := make(map[int]bool)
	for s.reapAdopted() {
		if now() >= deadline || s.late > 0 {
			s.killAdopted()
		} else {
			s.askAdopted(asked)
		}
		fds := []pollfd{{fd: int32(s.signals), events: pollIn}}
		poll(fds, pause)
		pause = min(2*pause, lookMost)
		s.takeSignals()
	}
	s.gone = true
}

// reapAdopted reaps what has ended of the tree, and reports whether anything is left.
func (s *Session) reapAdopted() (left bool) {
	for _, pid := range supervise.Children() {
		if s.isSpared(pid) {
			continue
		}
		var status syscall.WaitStatus
		if got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err == nil && got == pid {
			s.reaped(pid, status)
			continue
		}
		left = true
	}
	return left
}

func (s *Session) killAdopted() {
	for _, pid := range supervise.Children() {
		if !s.isSpared(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// askAdopted sends SIGTERM to those that have not got it yet.
func (s *Session) askAdopted(asked map[int]bool) {
	for _, pid := range supervise.Descendants(syscall.Getpid()) {
		if asked[pid] || s.isSpared(pid) {
			continue
		}
		asked[pid] = true
		_ = syscall.Kill(pid, syscall.SIGTERM)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

// isSpared: guards, of which one may be this process's own, end by themselves; and with --let-go what has left the session.
func (s *Session) isSpared(pid int) bool {
	return supervise.NameOf(pid) == supervise.Guard || s.Options.LetGo && sessionOf(pid) != sessionOf(0)
}

func isZombie(pid int) bool {
	stat := readAll("/proc/" + strconv.Itoa(pid) + "/stat")
	for i := len(stat) - 3; i >= 0; i-- { // behind the program's name, which may contain anything
		if stat[i] == ')' {
			return stat[i+2] == 'Z'
		}
	}
	return false
}
