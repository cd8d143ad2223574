package supervise

import (
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
)

// How a tree is ended.
const (
	askAgain   = 100    // ms between two looks for descendants that were forked while SIGTERM was sent
	lookAgain  = 5      // ms between two looks for orphans that have become children; doubles while nothing ends
	lookMost   = 1000   // ms
	stuckTime  = 10_000 // ms that nothing ends of what was killed, until it is left: it hangs in the kernel
	unseenTime = 1000   // ms that there are children of which /proc shows none
	guardTime  = 2000   // ms that the guards of programs in the tree get to settle what those left
	otherTime  = 1000   // ms of these that their supervisors get to end what those held, for which guards wait
)

type state int

const (
	running state = iota
	asking        // SIGTERM was sent; SIGKILL follows at the deadline
	killing       // all but guards and supervisors, whose time is over at the deadline, or before
)

// end begins to end the tree, or shortens its grace.
func (s *supervisor) end(graceMS int64) {
	deadline := early.Now() + graceMS
	switch {
	case s.state == running:
		s.state, s.deadline = asking, deadline
		if graceMS > 0 {
			s.ask()
		}
	case s.state == asking:
		s.deadline = min(s.deadline, deadline)
	}
}

// ask sends SIGTERM to every descendant that there is now. Who is started later by one that was asked may be part of its orderly end.
// What a supervisor of a program in the tree holds, that program ends, when it is its turn: it would hear of it twice.
func (s *supervisor) ask() {
	type member struct{ pid, parent int }
	var all []member
	s.descendants(func(pid, parent int) bool {
		if s.isLetGo(pid) {
			return false
		}
		all = append(all, member{pid, parent})
		return !isHolder(pid)
	})
	for _, m := range all {
		s.askOne(m.pid, m.parent)
	}
	s.nextLook = early.Now() + askAgain
}

// askOrphans asks those that were missed, being forked just then: their parents have ended, and they have become children. It asks
// those that it sees for the second time: what was only just forked may still lose a signal, between its parent's handler and exec.
func (s *supervisor) askOrphans() {
	if early.Now() < s.nextLook {
		return
	}
	s.nextLook = early.Now() + askAgain
	before := s.seen
	s.seen = make(map[int]bool)
	for _, pid := range s.children(s.self) {
		if s.isLetGo(pid) || s.asked[pid] {
			continue
		}
		if s.seen[pid] = true; before[pid] {
			s.askOne(pid, s.self)
		}
	}
}

// isHolder reports whether the process is a supervisor or a guard of a program in the tree.
func isHolder(pid int) bool {
	name := nameOf(pid)
	return name == comm || name == guard
}

// askOne leaves out supervisors and guards: they hear from their own programs.
func (s *supervisor) askOne(pid, parent int) {
	if s.asked[pid] {
		return
	}
	s.asked[pid] = true
	if !isHolder(pid) {
		s.terminate(pid, parent)
	}
}

// endTree kills when it is time. The orphans of who is killed become children and have their turn in the next round, so that
// nobody is signalled but children, whose numbers can't be anybody else's before they are reaped.
func (s *supervisor) endTree() {
	if s.state == asking && early.Now() >= s.deadline {
		s.state, s.deadline, s.moved, s.nextLook = killing, early.Now()+guardTime, early.Now(), 0
	}
	if s.state == asking {
		s.askOrphans()
	}
	if s.state != killing {
		return
	}
	if len(s.killed) > 0 && early.Now() < s.nextLook {
		return // with a thousand that die one by one, looking each time would take longer than their end
	}
	s.pause = min(max(lookAgain, 2*s.pause), lookMost)
	s.nextLook = early.Now() + s.pause
	ending := false
	for _, pid := range s.children(s.self) {
		if s.isLetGo(pid) {
			continue
		}
		if !s.killed[pid] && !s.isSpared(pid) {
			s.kill(pid)
		}
		ending = ending || !s.immune[pid]
	}
	switch {
	case len(s.immune) > 0 && !ending, early.Now() >= s.moved+stuckTime:
		s.giveUp()
	case !ending && len(s.killed) == 0 && !s.spares && early.Now() >= s.moved+unseenTime:
		s.giveUp()
	}
}

// isSpared: guards and supervisors of programs in the tree get some time when those were killed.
func (s *supervisor) isSpared(pid int) bool {
	switch left := s.deadline - early.Now(); nameOf(pid) {
	case guard:
		return left > 0
	case comm:
		return left > guardTime-otherTime
	}
	return false
}

func (s *supervisor) kill(pid int) {
	s.killed[pid], s.moved = true, early.Now()
	if syscall.Kill(pid, syscall.SIGKILL) == syscall.EPERM {
		s.immune[pid] = true
	}
}

// giveUp leaves what can't be ended: nobody is helped by waiting for it.
func (s *supervisor) giveUp() {
	s.reap() // ends this process if there is none
	left := s.children(s.self)
	for _, pid := range left {
		if !s.isLetGo(pid) {
			s.send(Left, uint64(pid))
		}
	}
	if len(left) == 0 {
		s.send(Left, 0)
	}
	s.send(Gone, 0)
	syscall.Exit(0)
}
