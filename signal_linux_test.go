package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestPID1 runs programs as the first process of a PID namespace, as in a container: no signal of their own can kill them.
func TestPID1(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		run  string
		sig  syscall.Signal
		ends string
	}{
		{"nil", syscall.SIGINT, "exit 130"},
		{"its context's error", syscall.SIGINT, "exit 130"},
		{"its context's error", syscall.SIGTERM, "exit 143"},
		{"nil", syscall.SIGTERM, "exit 0"},
		{"own error", syscall.SIGTERM, "exit 1"},
		{"its context's error", syscall.SIGHUP, "exit 129"},
	} {
		t.Run(fmt.Sprint(c.run, " ", c.sig), func(t *testing.T) {
			t.Parallel()
			const tries = 20 // to tell a wait of 1 s from a busy machine
			for i := range tries {
				p := startPID1(t, "signal", "0", c.run)
				p.WaitLine("ready")
				p.Signal(c.sig)
				asked := time.Now()
				r := p.Wait()
				r.Check(t, c.ends)
				r.CheckLines(t, "hook one")
				took := time.Since(asked)
				if took < 900*time.Millisecond || t.Failed() {
					return
				}
				if i == tries-1 {
					t.Errorf("it took %v: it tried to die by a signal", took)
				}
			}
		})
	}
	t.Run("broken pipe", func(t *testing.T) {
		t.Parallel()
		p := startSpecPID1(t, testproc.Spec{Victim: "sigpipe", Stdout: testproc.BrokenPipe(t)})
		r := p.Wait()
		r.Check(t, "exit 141")
		r.CheckErr(t, "hook two", "hook one")
	})
}

func startPID1(t *testing.T, victim string, args ...string) *testproc.Proc {
	t.Helper()
	return startSpecPID1(t, testproc.Spec{Victim: victim, Args: args})
}

func startSpecPID1(t *testing.T, spec testproc.Spec) *testproc.Proc {
	t.Helper()
	spec.Attr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Setpgid: true}
	p, err := spec.TryStart(t)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
		testproc.Skip(t, "a PID namespace of its own is not permitted here: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBadSignalsOfLinux are signals that Go's runtime hands to nobody.
func TestBadSignalsOfLinux(t *testing.T) {
	bad := []syscall.Signal{32, 33, 34}
	if sig := syscall.Signal(16); sig.String() == "stack fault" { // MIPS has another one of that number
		bad = append(bad, sig)
	}
	for _, sig := range bad {
		t.Run(sig.String(), func(t *testing.T) {
			checkRefused(t, lastly.Program{Signals: []os.Signal{sig}}, func(context.Context) error { return nil }, "")
		})
	}
}

// TestRealTimeSignals are signals as any other.
func TestRealTimeSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGPWR, 35, 64} {
		p := testproc.Start(t, "signal-any", fmt.Sprint(int(sig)))
		p.WaitLine("ready")
		p.Signal(sig)
		r := p.Wait()
		r.Check(t, "signal "+sig.String())
		r.CheckLines(t, "hook one")
	}
}
