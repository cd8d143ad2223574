package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/resource"
)

// An event is what happens to a tool.
type event struct {
	name string
	do   func(t *trial) error
}

var (
	eventTerm  = event{"TERM to tool", func(t *trial) error { return t.cmd.Process.Signal(syscall.SIGTERM) }}
	eventKill  = event{"KILL tool", func(t *trial) error { return t.cmd.Process.Kill() }}
	eventGroup = event{"KILL tool's group", func(t *trial) error { return syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL) }}
	eventExit  = event{"command exits 0", func(t *trial) error { _, err := io.WriteString(t.input, "\n"); return err }}
)

func events() []event { return []event{eventTerm, eventKill, eventGroup, eventExit} }

// A lab makes trials. What they have is the scope's, should they not come to their end.
type lab struct {
	scope *lastly.Scope
	each  int
}

// A trial is a forest with the tool that looks after it.
type trial struct {
	*forest
	scope *lastly.Scope // of this trial
	clean bool          // nothing is to survive, so that one may wait for it
	cmd   *exec.Cmd     // the tool
	input *os.File      // the shell's
	ended chan struct{} // closed when the tool has
	guard holding       // lastly's row has one, which writes a report when the tool was killed
}

// row tries one tool.
func (l lab) row(ctx context.Context, t tool) (row, error) {
	r := row{Tool: t.name, Version: t.version(), MustBeClean: t.clean}
	if _, r.Skipped = t.find(); r.Skipped != "" {
		return r, nil
	}
	for _, e := range events() {
		n, err := l.survivors(ctx, t, e)
		if err != nil {
			return r, fmt.Errorf("%s: %s: %w", t.name, e.name, err)
		}
		r.Left = append(r.Left, n)
	}
	return r, nil
}

// survivors is how many of a forest are left after an event.
func (l lab) survivors(ctx context.Context, tool tool, e event) (n int, err error) {
	f, err := newForest(l.each, false)
	if err != nil {
		return 0, err
	}
	return l.survivorsOf(ctx, f, tool, e)
}

func (l lab) survivorsOf(ctx context.Context, f *forest, tool tool, e event) (n int, err error) {
	t, err := l.plant(ctx, f, tool)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, t.clear()) }()
	if err := e.do(t); err != nil {
		return 0, err
	}
	return t.settled(ctx)
}

// plant starts a forest, and waits until it stands.
func (l lab) plant(ctx context.Context, f *forest, tool tool) (*trial, error) {
	t := &trial{forest: f, clean: tool.clean, scope: l.scope.Child(lastly.Hook{Name: "tree below " + tool.name}), ended: make(chan struct{})}
	if err := t.start(tool); err != nil {
		return nil, errors.Join(err, t.scope.Close())
	}
	err := t.await(ctx)
	if err == nil {
		t.guard, err = hold(guardsOf(t.cmd.Process.Pid))
	}
	if err != nil {
		return nil, errors.Join(err, t.clear())
	}
	return t, nil
}

func (t *trial) start(tool tool) (err error) {
	if t.cmd, err = tool.command(t.command()); err != nil {
		return err
	}
	if tool.clean { // one of lastly's: who is killed leaves things in the folder of journals, until somebody sweeps
		dir, err := resource.TempDir(t.scope, "trees-*")
		if err != nil {
			return err
		}
		t.cmd.Env = append(t.cmd.Env, "LASTLY_DIR="+dir)
	}
	// Only should this program be killed: who is left after an event is counted and ended by its arguments.
	mark := durable.NewMark()
	if _, err := durable.Kill.Register(t.scope, durable.Process{Mark: mark}, lastly.Hook{Name: "tree " + t.token}); err != nil {
		return err
	}
	t.cmd.Env = durable.WithMark(t.cmd.Env, mark)
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the tool's group is not this program's
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	t.cmd.Stdin, t.input = theirs, ours
	err = t.cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	go func() { // ends with the tool
		_ = t.cmd.Wait()
		close(t.ended)
	}()
	return nil
}

// settled is how many are left when nothing changes any more.
func (t *trial) settled(ctx context.Context) (left int, err error) {
	const most = 30 * time.Second
	left, since := -1, time.Now()
	over, quiet := false, 3*time.Second // as long as the tool, or a guard of its, may yet do something
	if t.clean {
		quiet = most
	}
	err = poll(ctx, most, func() bool {
		if n := t.count(); n != left {
			left, since = n, time.Now()
		}
		if !over && t.over() {
			over, since, quiet = true, time.Now(), 1500*time.Millisecond
		}
		return left == 0 || time.Since(since) > quiet
	})
	return left, err
}

// over reports whether the tool has ended, and a guard of its.
func (t *trial) over() bool {
	select {
	case <-t.ended:
		return t.guard.await(0) == nil
	default:
		return false
	}
}

// clear leaves nothing behind.
func (t *trial) clear() error {
	defer t.guard.close()
	_ = t.cmd.Process.Kill() // an error says that it is gone
	<-t.ended
	return errors.Join(t.fell(), t.guard.await(time.Minute), t.input.Close(), t.scope.Close())
}
