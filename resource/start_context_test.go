//go:build unix

package resource_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

// TestContextEnds: its end ends the tree; Cancel, if there is one, is called first; after the command's end it means nothing.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	t.Run("default", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, "sh", "-c", "trap 'exit 7' TERM; sleep 3600 & echo up; wait")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, &s, cmd)
		_, _ = io.ReadFull(out, make([]byte, 3))
		cancel()
		var exit *resource.ExitError
		if err := p.Wait(); !errors.As(err, &exit) || exit.Code != 7 {
			t.Error(err)
		}
	})
	t.Run("own", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, "sleep", "3600")
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
		p := start(t, &s, cmd)
		cancel()
		var exit *resource.ExitError
		if err := p.Wait(); !errors.As(err, &exit) || exit.Signal != syscall.SIGINT {
			t.Error(err)
		}
	})
	t.Run("none", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, "sleep", "0.2")
		cmd.Cancel = nil
		p := start(t, &s, cmd)
		cancel()
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	endTrees(t, &s)
}

// overdue is a context whose deadline is over when the test says so: any time would be too short on some busy machine.
type overdue struct {
	context.Context
	over chan struct{}
}

func (c overdue) Done() <-chan struct{} { return c.over }

func (c overdue) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestContextErrors: Wait says what package exec says.
func TestContextErrors(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	t.Run("exit 0", func(t *testing.T) { // as package exec says it
		for want, with := range map[error]func() (context.Context, context.CancelFunc){
			context.Canceled: func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) },
			context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
				over := make(chan struct{})
				return overdue{context.Background(), over}, func() { close(over) }
			},
		} {
			ctx, cancel := with()
			cmd := exec.CommandContext(ctx, "sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			p := start(t, &s, cmd)
			_, _ = io.ReadFull(out, make([]byte, 3))
			cancel()
			if err := p.Wait(); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
	})
	t.Run("failing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, "sleep", "3600")
		cmd.Cancel = func() error { return fs.ErrInvalid }
		p := start(t, &s, cmd)
		cancel()
		var exit *resource.ExitError
		if err := p.Wait(); !errors.Is(err, fs.ErrInvalid) || !errors.As(err, &exit) {
			t.Error(err)
		}
	})
	endTrees(t, &s)
}

// TestContextEndsWhileItStarts: whichever comes first, nothing hangs, and nothing passes for success.
func TestContextEndsWhileItStarts(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	for i := range 40 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		name := []string{"/dev/null", "sleep"}[i%2]
		p, err := resource.Start(&s, exec.CommandContext(ctx, name, "3600"))
		if err == nil {
			err = p.Wait()
		}
		if err == nil {
			t.Error("neither the start nor the command failed")
		}
	}
	endTrees(t, &s)
}

// TestStopWithoutTime: what has no time for a grace, or none any more, is killed at once.
func TestStopWithoutTime(t *testing.T) {
	t.Parallel()
	for _, already := range []bool{true, false} {
		s := lastly.Scope{Grace: 2 * time.Hour}
		cmd := shell("trap '' TERM; echo up; while :; do sleep 0.01; done")
		cmd.WaitDelay = time.Hour // which nobody waits for
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, &s, cmd)
		_, _ = io.ReadFull(out, make([]byte, 3))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if already {
			cancel()
		}
		var stop sync.WaitGroup
		stop.Go(func() { _ = p.Stop(ctx) })
		if !already {
			testproc.Poll(t, "the hook", func() bool { return s.Report().Hooks[0].Outcome == lastly.OutcomeRunning })
			cancel()
		}
		stop.Wait()
		var exit *resource.ExitError
		if err := p.Wait(); !errors.As(err, &exit) || exit.Signal != syscall.SIGKILL {
			t.Error(err)
		}
		endTrees(t, &s)
	}
}

// TestContextCancelIsAwaited: a Cancel that ends the command and returns later still tells Wait, as with package exec.
func TestContextCancelIsAwaited(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var p *resource.Process
	ready := make(chan struct{})
	own := errors.New("own")
	cmd.Cancel = func() error {
		<-ready
		_ = p.Signal(syscall.SIGTERM)
		<-p.Done() // the command has ended, and this has not returned
		return own
	}
	p = start(t, &s, cmd)
	_, _ = io.ReadFull(out, make([]byte, 3))
	close(ready)
	cancel()
	if err := p.Wait(); !errors.Is(err, own) {
		t.Errorf("Wait: %v, want Cancel's error", err)
	}
	endTrees(t, &s)
}
