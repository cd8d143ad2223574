//go:build unix

package lastly

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

const canDieBySignal = true

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
	}
	return ""
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
