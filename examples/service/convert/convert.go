// Package convert turns images into thumbnails with a long-lived child process.
//
// Register, or Start by hand, runs the child; Convert hands it one job at a time over its standard input. Serve is the other
// side, the child's. A child that nobody stops outlives its parent, as most such programs do (a JVM, an office suite,
// a browser): it takes SIGTERM as its end, and neither the end of its input nor a broken output.
package convert

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
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

// connect prepares the pipes to cmd, a command that runs Serve on its standard input and output.
func connect(cmd *exec.Cmd) (*Converter, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
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
