package supervise

import (
	"runtime"
	"syscall"
)

// Inherited calls start, which starts a supervisor, and returns which signals a process that was started in its place would have
// inherited as blocked or ignored.
func Inherited(start func() error) (Signals, error) {
	runtime.LockOSThread() // the mask is a thread's
	defer runtime.UnlockOSThread()
	inherited := Signals{Blocked: masked()}
	for sig := 1; sig <= 64; sig++ {
		var old sigaction
		action(sig, nil, &old)
		if old[handlerWord] == sigIgn {
			inherited.Ignored |= bit(syscall.Signal(sig))
		}
	}
	return inherited, start()
}

func bit(sig syscall.Signal) uint64 { return 1 << (uint(sig) - 1) }

// deafen ignores all signals but those that can't be ignored, that mean a fault of this process, that the Go runtime or a C
// library use for themselves, and SIGCHLD, of which ignoring would make the kernel reap. The command does not inherit it: for a
// child the Go runtime sets to the default what it handles, or believes to handle. Not so what stops a process, which is for
// deafenMore, when the command has started.
func deafen() {
	heard := bit(syscall.SIGKILL) | bit(syscall.SIGSTOP) | bit(syscall.SIGCHLD) | bit(syscall.SIGURG) | bit(syscall.SIGPROF) |
		bit(syscall.SIGSEGV) | bit(syscall.SIGBUS) | bit(syscall.SIGFPE) | bit(syscall.SIGILL) | bit(syscall.SIGTRAP) | bit(syscall.SIGSYS) |
		bit(32) | bit(33) | bit(34) | // SIGCANCEL, SIGSETXID and SIGSYNCCALL of C libraries
		bit(syscall.SIGTSTP) | bit(syscall.SIGTTIN) | bit(syscall.SIGTTOU) | bit(syscall.SIGCONT)
	for sig := 1; sig <= 64; sig++ {
		if heard&bit(syscall.Signal(sig)) == 0 {
			ignore(sig)
		}
	}
}

func deafenMore() {
	for _, sig := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU} {
		ignore(int(sig))
	}
}

func ignore(sig int) {
	var act sigaction
	act[handlerWord] = sigIgn
	action(sig, &act, nil)
}
