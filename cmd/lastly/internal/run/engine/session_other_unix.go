//go:build unix && (!linux || (!amd64 && !arm64))

package engine

import (
	"os"
	"syscall"
)

// forwarded are the signals that are passed on.
var forwarded = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGWINCH,
	syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU,
}

func numberOf(sig os.Signal) int {
	n, _ := sig.(syscall.Signal)
	return int(n)
}
