package supervise

import (
	"syscall"
	"testing"
)

// TestNeedsLauncher: a launcher costs a process more, so only signals that would not stay ignored by themselves need one.
func TestNeedsLauncher(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ignored []syscall.Signal
		want    bool
	}{
		{nil, false},
		{[]syscall.Signal{syscall.SIGHUP, syscall.SIGINT}, false},                                         // nohup, a shell's &
		{[]syscall.Signal{32, 33}, false},                                                                 // glibc's posix_spawn: make
		{[]syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT, 34}, false}, // a shell without job control
		{[]syscall.Signal{syscall.SIGPIPE}, true},
		{[]syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}, true},
		{[]syscall.Signal{35}, true},
		{[]syscall.Signal{64}, true},
	} {
		config := &Config{}
		for _, sig := range c.ignored {
			config.Signals.Ignored |= bit(sig)
		}
		if got := needsLauncher(config); got != c.want {
			t.Errorf("%v ignored: %v, want %v", c.ignored, got, c.want)
		}
	}
}
