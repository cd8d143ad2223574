//go:build amd64 || arm64

package engine

import (
	"strconv"
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
	"github.com/lastly-go/lastly/internal/supervise"
)

// How the tree is ended when the inner process can't do it any more.
const (
	lookAgain = 5      // ms between two looks at what is left; doubles
	lookMost  = 200    // ms
	stuckTime = 10_000 // ms that nothing ends, although all got SIGKILL
	askAgain  = 100    // ms that an orphan may take to become what it is
	strayTime = 500    // ms that whoever has started a child in this process has to reap it
)

// reap takes the children that have ended, of which this process knows nothing: as PID 1 it gets all orphans. It reports whether
// there is certainly none left.
func (s *Session) reap() (none bool) {
	if s.served {
		s.reapStrays()
		return false
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, s.waitFlags(), nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return err == syscall.ECHILD
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
		if pid == s.Inner || s.direct && pid == s.Command || stateOf(pid) != 'Z' {
			continue
		}
		since, known := s.strays[pid]
		if !known {
			since = early.Now()
		}
		if early.Now()-since < strayTime {
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
	status := s.forget()
	s.Lost = true
	s.Warn("the process that held the command's tree has ended (" + describe(status) + "): the tree gets SIGTERM, and SIGKILL after " + s.Options.Grace.String())
	s.endAdopted()
}

// endAdopted ends what descends from this process.
func (s *Session) endAdopted() {
	if s.reap() { // as mostly. To look into /proc costs an exiting process more than it seems
		s.gone = true
		return
	}
	e := ending{Session: s, deadline: early.Now() + int64(s.Options.Grace), asked: make(map[int]bool), immune: make(map[int]bool)}
	for pause := int64(lookAgain); e.reap(); pause = min(2*pause, lookMost) {
		if early.Now() >= e.deadline || s.late > 0 {
			e.kill()
		} else {
			e.ask()
		}
		fds := []early.PollFD{{FD: int32(s.signals), Events: early.In}}
		early.Poll(fds, pause)
		s.takeSignals()
	}
	for _, pid := range e.left {
		s.leave(pid)
	}
	s.gone = true
}

// An ending is the end of what this process has adopted.
type ending struct {
	*Session
	deadline int64
	asked    map[int]bool
	seen     map[int]int64 // orphans that have not been asked, and since when
	immune   map[int]bool  // another user's
	left     []int
	moved    int64 // when left last became shorter, or SIGKILL was sent first
}

// reap reaps what has ended, and reports whether anything is left that can end. It looks once more after each that it has reaped:
// children of that one may have come since the list was made.
func (e *ending) reap() bool {
	before := len(e.left)
	mortal := false
	for again := true; again; {
		again, mortal = false, false
		e.left = e.left[:0]
		for _, pid := range supervise.Children() {
			if e.isSpared(pid) {
				continue
			}
			var status syscall.WaitStatus
			if got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err == nil && got == pid {
				e.reaped(pid, status)
				delete(e.immune, pid)
				again = true
				continue
			}
			e.left = append(e.left, pid)
			mortal = mortal || !e.immune[pid]
		}
	}
	if len(e.left) < before {
		e.moved = early.Now()
	}
	return mortal && (e.moved == 0 || early.Now() < e.moved+stuckTime || early.Now() < e.deadline)
}

func (e *ending) kill() {
	if e.moved == 0 {
		e.moved = early.Now()
	}
	for _, pid := range e.left {
		if syscall.Kill(pid, syscall.SIGKILL) == syscall.EPERM {
			e.immune[pid] = true
		}
	}
}

// ask sends SIGTERM to everyone that there is now, as the inner process does; later, to those that have become orphans since, when
// it sees them for the second time.
func (e *ending) ask() {
	if len(e.asked) == 0 {
		for _, child := range e.left {
			for _, pid := range append(supervise.Descendants(child), child) {
				e.askOne(pid)
			}
		}
		return
	}
	before := e.seen
	e.seen = make(map[int]int64)
	for _, pid := range e.left {
		if e.asked[pid] {
			continue
		}
		since, known := before[pid]
		if !known {
			since = early.Now()
		}
		if e.seen[pid] = since; early.Now()-since >= askAgain {
			e.askOne(pid)
		}
	}
}

func (e *ending) askOne(pid int) {
	if e.asked[pid] || e.isSpared(pid) {
		return
	}
	e.asked[pid] = true
	_ = syscall.Kill(pid, syscall.SIGTERM)
	_ = syscall.Kill(pid, syscall.SIGCONT)
}

// leave tells of a process that can't be ended.
func (s *Session) leave(pid int) {
	if pid == 0 {
		s.Warn("something is left that can't be seen, for /proc is missing, or that of another PID namespace; mount one (unshare --mount-proc)")
		return
	}
	why := "it does not die of SIGKILL, and hangs in the kernel; look at its disk or network filesystem"
	if syscall.Kill(pid, 0) == syscall.EPERM {
		why = "it is another user's; end it as that user, or as root"
	}
	s.Warn("process " + strconv.Itoa(pid) + " (" + supervise.NameOf(pid) + ") is left: " + why)
}

// isSpared: guards, of which one may be this process's own, end by themselves; and so do children that were there before lastly
// was; and with --let-go what has left the session.
func (s *Session) isSpared(pid int) bool {
	if pid == s.Command && !s.ended {
		return false
	}
	return s.earlier[pid] || supervise.NameOf(pid) == supervise.Guard || s.Options.LetGo && early.SessionOf(pid) != early.SessionOf(0)
}

// childrenBefore are the children that this process has inherited from what it was before it became lastly: a shell script's
// background jobs, when that ends with `exec lastly run`.
func childrenBefore() map[int]bool {
	const (
		all  = 0
		any  = 0x4 | 1 | 2 | 8 // WEXITED, WNOHANG, WSTOPPED, WCONTINUED
		keep = 0x1000000 | 0x40000000
	)
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_WAITID, all, 0, 0, any|keep, 0, 0); errno == syscall.ECHILD {
		return nil // as mostly
	}
	earlier := make(map[int]bool)
	for _, pid := range supervise.Children() {
		earlier[pid] = true
	}
	return earlier
}
