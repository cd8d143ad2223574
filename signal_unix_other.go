//go:build unix && !linux

package lastly

import (
	"syscall"
	"time"
)

// restoreDefault has no way but signal.Reset here.
func restoreDefault(syscall.Signal) {}

// pipeIsBroken can't be asked here without more than the standard library: SIGPIPE with a pipe as output is taken to
// mean that pipe.
func pipeIsBroken(int) bool { return true }

var runtimeSignals []syscall.Signal

// stderrTakesMore can't be asked here without more than the standard library.
func stderrTakesMore(time.Duration) bool { return true }
