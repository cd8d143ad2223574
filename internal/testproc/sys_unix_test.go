//go:build unix

package testproc

import (
	"errors"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"
)

var sysVictims = Victims{
	"immortal": func([]string) {
		signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
		limitLife(100 * time.Millisecond)
		<-time.After(time.Hour)
	},
	"writes": func([]string) {
		Say("a line")
	},
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, group := range []bool{false, true} {
		p := Start(t, "hang")
		p.WaitLine("hangs")
		if group {
			p.SignalGroup(syscall.SIGTERM)
		} else {
			p.Signal(syscall.SIGTERM)
		}
		p.Wait().Check(t, "signal terminated")
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	p := Spec{Victim: "hang", Wrap: []string{"sh", "-c", `trap "" INT; exec "$0" "$@"`}}.Start(t)
	p.WaitLine("hangs")
	p.Signal(syscall.SIGINT)
	p.Signal(syscall.SIGTERM)
	p.Wait().Check(t, "signal terminated")
}

func TestKilledWithItsGroup(t *testing.T) {
	t.Parallel()
	var p *Proc
	t.Run("test", func(t *testing.T) {
		p = Spec{Victim: "hang", Wrap: []string{"sh", "-c", `"$0" "$@"; true`}}.Start(t)
		p.WaitLine("hangs")
	})
	if errors.Is(p.waitErr, exec.ErrWaitDelay) {
		t.Error("the victim lived on and held its stdout open")
	}
}

func TestOutlivesNobody(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		Skip(t, "nothing bounds a victim here but its test", "immortal")
	}
	Start(t, "immortal").Wait().Check(t, "signal killed")
}

func TestPipes(t *testing.T) {
	t.Parallel()
	Spec{Victim: "writes", Stdout: BrokenPipe(t)}.Start(t).Wait().Check(t, "signal broken pipe")
	_, full := FullPipe(t)
	p := Spec{Victim: "writes", Stdout: full}.Start(t)
	Linger(100 * time.Millisecond)
	if p.Gone() {
		t.Error("it could write to a full pipe")
	}
}
