//go:build amd64 || arm64

package engine

import (
	"syscall"
	"unsafe"

	"github.com/lastly-go/lastly/internal/early"
)

// contTime is how long a command stays stopped that somebody continues by a SIGCONT to this process only.
const contTime = 100 // ms

// passesCont reports whether a SIGCONT is passed on, on a terminal. A shell's goes to the whole group, and so to the command: passed on,
// it would come a second time, and perhaps so late that it undoes the next Ctrl-Z. What sent it to this process only is seen a while
// later: the command is still stopped, and this process is not, as it were after another Ctrl-Z.
//
// If this process has passed a stop on, as it does with a Ctrl-Z that comes in the moment of the start, it also passes on what undoes
// that: the command may have gone on by then, and have that stop before it.
//
// A command in a group of its own, such as a shell that was suspended, gets it at once, and the terminal if the shell has given that to
// this process's group.
func (s *Session) passesCont() bool {
	s.contAt = 0
	own := syscall.Getpgrp()
	group, err := syscall.Getpgid(s.Command)
	if err != nil {
		return false
	}
	if group != own {
		giveTerminal(own, group)
		return true
	}
	if s.stopPassed {
		s.stopPassed = false
		return true
	}
	if stateOf(s.Command) == 'T' {
		s.contAt = early.Now() + contTime
	}
	return false
}

// checkCont continues a command that nobody else has continued.
func (s *Session) checkCont() {
	if s.contAt == 0 || early.Now() < s.contAt {
		return
	}
	s.contAt = 0
	if !s.ended && stateOf(s.Command) == 'T' {
		s.signal(int(syscall.SIGCONT))
	}
}

func giveTerminal(from, to int) {
	fd, err := syscall.Open("/dev/tty", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer func() { _ = syscall.Close(fd) }()
	var group int32
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	if errno != 0 || int(group) != from {
		return
	}
	group = int32(to)
	_, _, _ = syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&group)))
}
