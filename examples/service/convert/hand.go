package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Start starts cmd, a command that runs Serve on its standard input and output. Stop must be called in the end.
func Start(cmd *exec.Cmd) (*Converter, error) {
	c, err := connect(cmd)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("convert: start the child: %w", err)
	}
	return c, nil
}

// Stop closes the child's input, asks it to end and waits until it has; when ctx ends first, it kills it. No Convert
// may be under way.
func (c *Converter) Stop(ctx context.Context) error {
	closing := c.stdin.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		// Already gone, or a system without SIGTERM: Wait tells the first from the second.
		_ = c.cmd.Process.Kill()
	}
	stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
	defer stop()
	err := c.cmd.Wait()
	if diedOf(c.cmd.ProcessState, syscall.SIGTERM) {
		err = nil // a child that was asked to end before it could listen has done so too
	}
	if err = errors.Join(closing, err); err != nil {
		return fmt.Errorf("convert: stop the child: %w", err)
	}
	return nil
}

func diedOf(state *os.ProcessState, sig syscall.Signal) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == sig
}
