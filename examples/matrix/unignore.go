package matrix

import (
	"os"
	"os/signal"
	"syscall"
)

// Unignore sees to it that what is started from now on takes signals, also where this process was told to ignore some
// (nohup, a shell's &): what has a handler here has its default there.
func Unignore() (stop func()) {
	nobody := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(nobody, sig)
		}
	}
	return func() { signal.Stop(nobody) }
}
