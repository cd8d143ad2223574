//go:build unix

package lastly_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestPipeDecidesNothingLater is conformance 70 in part: SIGPIPE can begin the flow, and is nothing to one that has begun.
func TestPipeDecidesNothingLater(t *testing.T) {
	t.Parallel()
	for how, ends := range map[string]string{
		"return": "exit 0",
		"error":  "exit 3",
		"exit":   "exit 3",
		"signal": "exit 0", // SIGTERM was first, and run finished
		"go":     "exit 1",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r := testproc.Spec{Victim: "broken-pipe", Args: []string{how}, Stdout: testproc.BrokenPipe(t)}.Start(t).Wait()
			r.Check(t, ends)
			if !testproc.HasLine(r.Err, "hook") {
				t.Errorf("the hook did not run\n%v", r)
			}
		})
	}
}

// TestBrokenStderr sees that stderr begins the flow as stdout does.
func TestBrokenStderr(t *testing.T) {
	t.Parallel()
	p := testproc.Spec{Victim: "broken-pipe", Args: []string{"stderr"}, Stderr: testproc.BrokenPipe(t)}.Start(t)
	r := p.Wait()
	r.Check(t, "signal broken pipe")
	r.CheckLines(t, "true", "nobody may read this", "nor this")
}

// TestPipeAsked sees that SIGPIPE in Signals is what it is without.
func TestPipeAsked(t *testing.T) {
	t.Parallel()
	r := testproc.Spec{Victim: "broken-pipe", Args: []string{"asked"}, Stdout: testproc.BrokenPipe(t)}.Start(t).Wait()
	r.Check(t, "signal broken pipe")
	r.CheckErr(t, "hook done")
}

// TestInterruptAfterPipe sees that Ctrl-C, after SIGPIPE began the flow, is the second signal.
func TestInterruptAfterPipe(t *testing.T) {
	t.Parallel()
	p := testproc.Spec{Victim: "broken-pipe", Args: []string{"hang"}, Stdout: testproc.BrokenPipe(t)}.Start(t)
	testproc.Poll(t, "the hook hangs", func() bool { return testproc.HasLine(p.Errors(), "hangs") || p.Gone() })
	p.Signal(os.Interrupt)
	p.Wait().Check(t, "exit 130")
}

// TestBlockedStderr sees that a stderr which takes nothing does not hold up the exit.
func TestBlockedStderr(t *testing.T) {
	t.Parallel()
	for how, ends := range map[string]string{"alone": "exit 3", "under Main": "exit 1"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			_, full := testproc.FullPipe(t)
			r := testproc.Spec{Victim: "blocked-failures", Args: []string{how}, Stderr: full}.Start(t).Wait()
			r.Check(t, ends)
			r.CheckLines(t, "hook one")
		})
	}
	t.Run("second signal", func(t *testing.T) {
		t.Parallel()
		_, full := testproc.FullPipe(t)
		p := testproc.Spec{Victim: "blocked-everything", Args: []string{"second"}, Stderr: full}.Start(t)
		p.WaitLine("ready")
		p.Signal(syscall.SIGINT)
		p.WaitLine("hook")
		p.Signal(syscall.SIGTERM)
		p.Wait().Check(t, "exit 143")
	})
}

// TestPanicWithBlockedStderr: Go itself would wait for the reader of its message for ever.
func TestPanicWithBlockedStderr(t *testing.T) {
	t.Parallel()
	_, full := testproc.FullPipe(t)
	p := testproc.Spec{Victim: "blocked-everything", Args: []string{"panic"}, Stderr: full, Limit: 10 * time.Second}.Start(t)
	r := p.Wait()
	r.Check(t, "exit 2")
	r.CheckLines(t, "hook")
}

// TestBlockedLogger has a Logger, a Stderr and an OnExit that never return, or panic.
func TestBlockedLogger(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"blocks", "panics"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r := testproc.Start(t, "blocked-logger", how).Wait()
			r.Check(t, "exit 3")
			r.CheckLines(t, "hook one", "at exit")
		})
	}
}
