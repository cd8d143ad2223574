package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// An instance is a process of the service, as its parent sees it.
type instance struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	said   announcement
	stderr bytes.Buffer // readable when done is closed
	done   chan struct{}
	err    error // of Wait; readable when done is closed

	at *endpoint // what the proxy knows of it; nil without a proxy
}

// endLimit is how long an instance may take to end, or to begin. It is no measure: an instance that hangs is killed, and the
// run fails.
const endLimit = time.Minute

// startInstance starts an instance and waits until it serves. The end of the context kills it.
func startInstance(ctx context.Context, a assignment) (*instance, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	i := &instance{cmd: exec.CommandContext(ctx, self), said: announcement{done: make(chan struct{})}, done: make(chan struct{})}
	i.cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	i.cmd.Stdout, i.cmd.Stderr = &i.said, &i.stderr
	i.cmd.WaitDelay = 5 * time.Second
	if i.stdin, err = i.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := i.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process
		i.err = i.cmd.Wait()
		close(i.done)
	}()
	limit := time.NewTimer(endLimit)
	defer limit.Stop()
	select {
	case <-i.said.done:
		return i, nil
	case <-i.done:
		return nil, fmt.Errorf("an instance ended before it served: %v\n%s", i.err, i.stderr.String())
	case <-limit.C:
		i.kill()
		return nil, fmt.Errorf("an instance did not serve within %v\n%s", endLimit, i.stderr.String())
	}
}

// addr is where it listens.
func (i *instance) addr() string { return i.said.line() }

// end tells the instance to end, and returns how long it took. How it ends is to be as the wiring says.
func (i *instance) end(want string) (time.Duration, error) {
	begin := time.Now()
	if err := i.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, fmt.Errorf("tell an instance to end: %w", err)
	}
	limit := time.NewTimer(endLimit)
	defer limit.Stop()
	select {
	case <-i.done:
	case <-limit.C:
		i.kill()
		return 0, fmt.Errorf("an instance did not end within %v\n%s", endLimit, i.stderr.String())
	}
	took := time.Since(begin)
	if got := i.cmd.ProcessState.String(); got != want {
		return 0, fmt.Errorf("an instance ended with %s, not with %s\n%s", got, want, i.stderr.String())
	}
	return took, nil
}

// kill ends the instance at once, if it is still there.
func (i *instance) kill() {
	_ = i.cmd.Process.Kill()
	<-i.done
}

// An announcement is an instance's stdout: one line, and whatever comes after it is dropped.
type announcement struct {
	done chan struct{} // closed when the line is there

	mu   sync.Mutex // guards text and over
	text []byte
	over bool
}

func (a *announcement) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return len(p), nil
	}
	a.text = append(a.text, p...)
	if end := bytes.IndexByte(a.text, '\n'); end >= 0 {
		a.text, a.over = a.text[:end], true
		close(a.done)
	}
	return len(p), nil
}

func (a *announcement) line() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return string(a.text)
}
