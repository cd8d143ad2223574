//go:build amd64 || arm64

package engine

import (
	"runtime"
	"strconv"
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
	"github.com/lastly-go/lastly/internal/supervise"
)

// Run waits until nothing is left of the command's tree, and passes signals on meanwhile. It returns before that, with true,
// when somebody has connected to the Listener: call it again when that has been taken over (Served).
func (s *Session) Run() (asked bool) {
	for !s.gone {
		if s.direct && s.ended { // perhaps before this was called
			s.endAdopted()
			continue
		}
		fds := []early.PollFD{
			{FD: int32(s.signals), Events: early.In},
			{FD: int32(s.control), Events: early.In}, // a negative one is left out by the kernel
			{FD: int32(s.Listener), Events: early.In},
		}
		early.Poll(fds, s.patience())
		if fds[1].Revents != 0 {
			s.hear()
		}
		if fds[0].Revents != 0 || s.full {
			s.takeSignals()
		}
		if fds[2].Revents != 0 && !s.gone {
			return true
		}
		if len(s.strays) > 0 {
			s.reapStrays()
		}
		s.checkTime()
		s.checkCont()
	}
	return false
}

// Served says that there may be children of this process from now on that are not of the command's tree.
func (s *Session) Served() { s.served = true }

// Taken gives the Listener away.
func (s *Session) Taken() (listener int) {
	listener, s.Listener = s.Listener, -1
	return listener
}

// again is how long the same signal counts as the same press of a key.
const again = 100 // ms

// WatchLate takes signals while what is registered is undone. The first asks for what happens already; a second one ends the
// process, and leaves the rest to the guard. It never returns.
func (s *Session) WatchLate() {
	first, at := 0, int64(0)
	for {
		fds := []early.PollFD{{FD: int32(s.signals), Events: early.In}}
		early.Poll(fds, -1)
		c, ok := take(s.signals)
		if !ok || !asksForEnd(c.number) {
			continue
		}
		if first == 0 {
			first, at = c.number, early.Now()
		} else if c.number != first || early.Now()-at >= again {
			Print("received " + signalName(c.number) + " again: exiting at once; what is not undone yet is left to the guard")
			syscall.Exit(128 + c.number)
		}
	}
}

func asksForEnd(sig int) bool {
	switch syscall.Signal(sig) {
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT:
		return true
	}
	return false
}

func (s *Session) patience() int64 {
	limit := int64(-1)
	if len(s.strays) > 0 {
		limit = strayTime
	}
	if s.full {
		limit = lookAgain
	}
	if s.contAt > 0 {
		limit = contTime
	}
	if s.deadline == 0 || s.ended {
		return limit
	}
	if left := max(0, s.deadline-early.Now()); limit < 0 || left < limit {
		return left
	}
	return limit
}

func (s *Session) checkTime() {
	if s.deadline == 0 || s.ended || s.gone || early.Now() < s.deadline {
		return
	}
	s.deadline = 0
	s.TimedOut = true
	if !s.direct {
		s.end(max(1, int64(s.Options.Grace)))
	}
	s.Say("the command took longer than " + s.Options.Timeout.String() + ": its tree gets SIGTERM, and SIGKILL after " + s.Options.Grace.String())
	if s.direct { // which takes its time
		s.end(max(1, int64(s.Options.Grace)))
	}
}

// end ends the tree, or cuts its grace.
func (s *Session) end(graceMS int64) {
	if !s.direct {
		s.say(supervise.End, uint64(graceMS))
		return
	}
	if graceMS > 0 {
		s.endAdopted()
	}
}

// hear takes what the inner process says.
func (s *Session) hear() {
	switch what, number, ok := s.receive(true); {
	case !ok:
		s.innerIsGone()
	case what == supervise.Ended:
		s.ended, s.Status = true, syscall.WaitStatus(number)
		s.end(int64(s.Options.Grace))
	case what == supervise.Left:
		s.leave(int(number))
	case what == supervise.Gone:
		s.gone = true
		s.Unlisten() // while the inner process exits, for which forget waits
		s.forget()
	}
}

// stop stops this process too, as the shell expects of a job whose command has stopped. The inner process does it, if there is one.
func (s *Session) stop() {
	if self := syscall.Getpid(); s.shared && self != 1 && supervise.HasShell(self) {
		_ = syscall.Kill(self, syscall.SIGSTOP)
	}
}

// takeSignals takes all that came. Many deaths in a row are looked for once: each look goes through all children.
//
// When the pipe was full, a signal may be on its way to the lost ones just now, and nothing else would tell of it: that is looked at
// again a moment later.
func (s *Session) takeSignals() {
	died := false
	s.full = false
	for n := 0; ; n++ {
		c, ok := take(s.signals)
		s.full = s.full || n >= pipeHalf
		if died && (!ok || c.number != int(syscall.SIGCHLD)) {
			s.reap() // before what came after it
			died = false
		}
		switch {
		case !ok:
			return
		case c.number == int(syscall.SIGCHLD):
			died = true
		default:
			s.pass(c)
		}
	}
}

// pass passes a signal on to the command, but for one that the command got as well.
func (s *Session) pass(c caught) {
	if c.sender != syscall.Getpid() && (!s.shared || !s.isForGroup(c)) {
		s.passOn(c.number)
	}
}

// passEarly passes on what came before the command was there, or just then: whether it was in the group by that time nobody knows, and
// twice is better than not at all.
func (s *Session) passEarly() {
	for {
		c, ok := take(s.signals)
		if !ok {
			return
		}
		switch syscall.Signal(c.number) {
		case syscall.SIGCHLD:
			s.reap()
		case syscall.SIGCONT, syscall.SIGWINCH:
			s.pass(c)
		default:
			s.passOn(c.number)
		}
	}
}

func (s *Session) passOn(sig int) {
	if s.ended {
		s.hurry(sig)
		return
	}
	if s.Options.Drop&(1<<(sig-1)) != 0 {
		return
	}
	if to := s.Options.Rewrite[sig]; to != 0 {
		sig = int(to)
	}
	if sig == int(syscall.SIGCONT) && s.shared && !s.passesCont() {
		return
	}
	switch syscall.Signal(sig) {
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		s.stopPassed = true
	}
	s.signal(sig)
	s.Say("passed " + signalName(sig) + " on to process " + strconv.Itoa(s.Command))
}

func (s *Session) signal(sig int) {
	if s.Options.Group && !s.shared { // it leads one of its own; in lastly's, lastly would be told as well
		_ = syscall.Kill(-s.Command, syscall.Signal(sig))
		return
	}
	if s.target >= 0 && early.PidfdSignal(s.target, sig) != syscall.ENOSYS {
		return
	}
	_ = syscall.Kill(s.Command, syscall.Signal(sig)) // Linux before 5.3
}

// isForGroup tells whether a signal went to the whole process group: by the terminal, or by the command and what it has started,
// which do not know this process.
func (s *Session) isForGroup(c caught) bool {
	switch {
	case c.kernel && c.number == int(syscall.SIGHUP):
		return early.SessionOf(0) != syscall.Getpid() // a session's leader gets it alone
	case c.kernel:
		return true
	}
	for pid := c.sender; pid > 1; pid = supervise.ParentOf(pid) {
		if pid == s.Inner || pid == s.Command {
			return true
		}
	}
	return false
}

// hurry: a signal that asks for an end after the command's own end cuts the grace of what it has left.
func (s *Session) hurry(sig int) {
	if asksForEnd(sig) {
		s.late++
		s.end(0)
	}
}

// Code is the exit status for what became of the command.
func (s *Session) Code() int {
	switch {
	case s.TimedOut:
		return CodeTimeout
	case !s.ended:
		return CodeOwn // nobody knows
	case s.Options.IsOK(s.status()):
		return 0
	}
	return s.status()
}

// status is the command's exit status as a shell has it.
func (s *Session) status() int {
	if s.Status.Signaled() {
		return 128 + int(s.Status.Signal())
	}
	return s.Status.ExitStatus()
}

// Print writes a line to stderr.
//
// A terminal may stop who writes in the background (stty tostop). This process, which catches that signal, would be told again and again.
func Print(text string) {
	runtime.LockOSThread() // the mask is a thread's
	defer runtime.UnlockOSThread()
	before := blockToo(syscall.SIGTTOU)
	defer setMask(before)
	ready := []early.PollFD{{FD: 2, Events: early.Out}}
	if early.Poll(ready, patienceOut); ready[0].Revents == 0 {
		return // a pipe that nobody reads must not keep signals, times and cleanups waiting
	}
	_, _ = syscall.Write(2, []byte("lastly: run: "+text+"\n"))
}

// patienceOut is how long a line waits for room, in milliseconds.
const patienceOut = 100
