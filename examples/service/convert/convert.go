// Package convert turns images into thumbnails with a long-lived child process.
//
// Start runs the child, Convert hands it one job at a time over its standard input, Stop ends it. Serve is the other
// side, the child's. A child that nobody stops outlives its parent, as most such programs do (a JVM, an office suite,
// a browser): it takes SIGTERM as its end, and neither the end of its input nor a broken output.
package convert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// job is one line to the child, outcome the line it answers.
type (
	job struct {
		In  string `json:"in"`
		Out string `json:"out"`
	}
	outcome struct {
		Error string `json:"error,omitempty"`
	}
)

// Converter is the parent's side of one child. Its methods may be called concurrently.
type Converter struct {
	cmd   *exec.Cmd
	stdin io.Closer

	turn     chan struct{} // holds one token: who has it may talk to the child
	jobs     *json.Encoder
	outcomes *json.Decoder
}

// Start starts cmd, a command that runs Serve on its standard input and output.
func Start(cmd *exec.Cmd) (*Converter, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("convert: start the child: %w", err)
	}
	c := &Converter{
		cmd:      cmd,
		stdin:    stdin,
		turn:     make(chan struct{}, 1),
		jobs:     json.NewEncoder(stdin),
		outcomes: json.NewDecoder(stdout),
	}
	c.turn <- struct{}{}
	return c, nil
}

// PID is the child's process id.
func (c *Converter) PID() int { return c.cmd.Process.Pid }

// Convert writes the thumbnail of the PNG file in to the JPEG file out. It waits for its turn until ctx ends; a job that
// was begun is finished, because the next answer would be taken for the wrong one otherwise.
func (c *Converter) Convert(ctx context.Context, in, out string) error {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return fmt.Errorf("convert: waiting for the child: %w", context.Cause(ctx))
	}
	defer func() { c.turn <- struct{}{} }()
	if err := c.jobs.Encode(job{In: in, Out: out}); err != nil {
		return fmt.Errorf("convert: ask the child: %w", err)
	}
	var got outcome
	if err := c.outcomes.Decode(&got); err != nil {
		return fmt.Errorf("convert: the child's answer: %w", err)
	}
	if got.Error != "" {
		return fmt.Errorf("convert: %s", got.Error)
	}
	return nil
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
