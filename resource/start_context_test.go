//go:build unix

package resource_test

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
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
	t.Run("while it starts", func(t *testing.T) {
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
