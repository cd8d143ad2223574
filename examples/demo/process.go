package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/app"
)

const (
	startLimit  = 30 * time.Second       // from start to the first answer
	orphanLimit = 500 * time.Millisecond // for a child of the service to go once the service is gone
	pollEvery   = 5 * time.Millisecond
	// drainDelay is how long the service goes on listening once it has said that it wants no more requests. Five seconds, the
	// default, would show the same.
	drainDelay = 200 * time.Millisecond
)

// errGone says that the service ended while something was still expected of it.
var errGone = errors.New("the service is gone")

// process is one run of the service, in a folder of its own.
type process struct {
	cmd       *exec.Cmd
	dir       string
	url       string
	converter int        // the process id of the service's child
	collector *collector // nil: the service has none

	exited chan struct{} // closed when the service itself has ended
	alone  chan struct{} // closed when its child has ended as well: then nobody holds their stderr any more
	stderr bytes.Buffer  // to be read after alone
}

// startProcess starts the service in dir and returns when it answers. What it starts ends with scope at the latest.
func startProcess(ctx context.Context, scope *lastly.Scope, dir, wiring string, c *collector) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find my own program to start the service: %w", err)
	}
	p := &process{dir: dir, collector: c, exited: make(chan struct{}), alone: make(chan struct{})}
	if err := os.MkdirAll(p.path(tempFolder), 0o755); err != nil {
		return nil, err
	}
	p.cmd = exec.Command(exe, "-dir", dir, "-wiring", wiring, "-endings")
	if c != nil {
		p.cmd.Args = append(p.cmd.Args, "-collector", c.url())
	}
	p.cmd.Env = append(os.Environ(), app.RoleEnv+"="+app.RoleService, "TMPDIR="+p.path(tempFolder),
		"LASTLY_DIR="+p.path(journalFolder), "LASTLY_DRAIN_DELAY="+drainDelay.String(), app.DatabaseEnv+"=")
	if err := p.launch(); err != nil {
		return nil, err
	}
	scope.Defer("service", p.end)

	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := p.connect(ctx); err != nil {
		return nil, fmt.Errorf("start the service: %w%s", err, p.said())
	}
	return p, nil
}

func (p *process) path(name string) string { return filepath.Join(p.dir, name) }

// launch starts the service and the two goroutines that wait for it. They end when it and its child do; end sees to that.
func (p *process) launch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		return errors.Join(err, r.Close())
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // what there is to know is in p.cmd.ProcessState
	}()
	go func() {
		defer close(p.alone)
		defer r.Close()
		_, _ = io.Copy(&p.stderr, r)
	}()
	return nil
}

// connect waits for the service's address and its readiness, and asks for its child.
func (p *process) connect(ctx context.Context) error {
	err := poll(ctx, p.exited, func() bool {
		addr, err := os.ReadFile(p.path(app.AddressFile))
		p.url = "http://" + strings.TrimSpace(string(addr))
		return err == nil
	})
	if err != nil {
		return err
	}
	if err := p.awaitReady(ctx); err != nil {
		return err
	}
	resp, err := p.request(ctx, http.MethodGet, "/converter")
	if err != nil {
		return err
	}
	p.converter, err = strconv.Atoi(resp.Header.Get(app.PIDHeader))
	return err
}

// tell tells the service to end in a way of its own.
func (p *process) tell(ctx context.Context, how string) error {
	_, err := p.request(ctx, http.MethodPost, "/end/"+how)
	return err
}

func (p *process) request(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // its connection is none of the load's
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return resp, nil
}

// wait waits for the service to be gone, and kills it when that takes longer than patience: then it hung.
func (p *process) wait(ctx context.Context, patience time.Duration) (hung bool, err error) {
	select {
	case <-p.exited:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-time.After(patience):
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return true, err
	}
	<-p.exited
	return true, nil
}

// exit words the exit status of a service that is gone: its code, or the name of the signal that it died of.
func (p *process) exit() string {
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return signalName(ws.Signal())
	}
	return strconv.Itoa(p.cmd.ProcessState.ExitCode())
}

func signalName(sig syscall.Signal) string {
	switch sig {
	case syscall.SIGHUP:
		return "SIGHUP"
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGPIPE:
		return "SIGPIPE"
	}
	return sig.String()
}

// orphaned reports whether the service, which is gone, left its child behind. The child holds the write end of the pipe
// that the service had for stderr, so this can't be fooled by another process that was given the same id.
func (p *process) orphaned() bool {
	select {
	case <-p.alone:
		return false
	case <-time.After(orphanLimit):
		return true
	}
}

// end leaves nothing of the service running. It is a hook.
func (p *process) end(context.Context) error {
	err := p.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-p.exited
	if !p.orphaned() {
		return err
	}
	child, errFind := os.FindProcess(p.converter)
	if errFind != nil {
		return errors.Join(err, errFind)
	}
	if err = errors.Join(err, child.Kill()); err == nil {
		<-p.alone
	}
	return err
}

// said is what a service that is gone wrote to stderr and into its log, for an error message.
func (p *process) said() string {
	text := ""
	if !p.orphaned() {
		text = p.stderr.String()
	}
	log, _ := os.ReadFile(p.path(app.LogFile)) // none is as good as an empty one
	if text = strings.TrimSpace(text + string(log)); text != "" {
		return "\nit said:\n" + text
	}
	return ""
}

// poll calls ok until it says true, the service is gone or ctx ends.
func poll(ctx context.Context, gone <-chan struct{}, ok func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-gone:
			return errGone
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
