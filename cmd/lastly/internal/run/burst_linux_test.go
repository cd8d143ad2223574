package run_test

import (
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestBurst: no signal is lost for good, however many come while lastly can't pass them on.
func TestBurst(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--verbose", "--", "sh", "-c", "trap : 40; trap 'exit 3' TERM; echo ready >ready; while :; do sleep 0.02; done")
	from, to, err := os.Pipe()
	fatal(t, err)
	l.cmd.Stderr = to // full soon, for nobody reads
	l.begin().await("ready")
	fatal(t, to.Close())
	taken := func() bool {
		status, err := os.ReadFile("/proc/" + itoa(l.cmd.Process.Pid) + "/status")
		return err == nil && strings.Contains(string(status), "\nShdPnd:\t0000000000000000\n")
	}
	for range 6000 {
		fatal(t, syscall.Kill(l.cmd.Process.Pid, 40))
	}
	testproc.Poll(t, "lastly to take them", taken)
	l.signal(syscall.SIGTERM)
	testproc.Poll(t, "lastly to take SIGTERM", taken)
	go func() { // ends with lastly
		_, _ = io.Copy(io.Discard, from)
		_ = from.Close()
	}()
	l.ends(3, "")
}
