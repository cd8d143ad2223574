//go:build unix

package lastly

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

var pipeSignals = []os.Signal{syscall.SIGPIPE}

func isPipeSignal(sig os.Signal) bool { return sig == syscall.SIGPIPE }

func cannotCatch(sig syscall.Signal) string {
	switch sig {
	case syscall.SIGKILL, syscall.SIGSTOP:
		return "no program can catch"
	case syscall.SIGURG:
		return "the Go runtime sends itself all the time"
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE:
		return "means a fault of the program, not a request to end"
	case syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGPROF:
		return "the Go runtime keeps to itself"
	}
	if slices.Contains(runtimeSignals, sig) {
		return "the Go runtime or the C library keeps to itself"
	}
	return ""
}

// endsProcess reports whether the default action of a signal is the end of the process, and not a stop or nothing.
func endsProcess(sig os.Signal) bool {
	switch sig {
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT, syscall.SIGCHLD, syscall.SIGWINCH:
		return false
	}
	return true
}

// dieBy ends the process by the signal, so that whoever waits for it sees that.
func dieBy(sig os.Signal) {
	n := sig.(syscall.Signal)
	signal.Reset(n)
	restoreDefault(n)
	_ = syscall.Kill(os.Getpid(), n)
	time.Sleep(time.Second) // it is blocked, or somebody else handles it
	osExit(128 + int(n))
}

// outputIsBroken reports whether stdout or stderr is a pipe that nobody reads any more.
func outputIsBroken() bool {
	for _, fd := range []int{1, 2} {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFIFO && pipeIsBroken(fd) {
			return true
		}
	}
	return false
}
