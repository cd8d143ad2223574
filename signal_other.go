//go:build !unix

package lastly

import (
	"os"
	"syscall"
	"time"
)

func endsProcess(os.Signal) bool { return false }

var pipeSignals []os.Signal

func isPipeSignal(os.Signal) bool { return false }

func cannotCatch(sig syscall.Signal) string {
	if sig == syscall.SIGKILL {
		return "no program can catch"
	}
	return ""
}

func dieBy(sig os.Signal) {
	n, _ := signalNumber(sig)
	osExit(128 + n)
}

func outputIsBroken() bool { return false }

func stderrTakesMore(time.Duration) bool { return true }
