package resource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/proc"
)

// A direct tree is held without a supervisor: by the command's process group, and by its mark where processes can be asked for
// their environment.
type direct struct {
	cmd   *shadow
	name  string
	kill  action.Kill   // without a Target where no process can be told from its successors
	ended chan struct{} // closed when the command was waited for
	why   string

	ask, hurry sync.Once
	asked      chan struct{} // closed when grace is set
	grace      time.Duration
	hurried    chan struct{} // closed when there is no time for a grace any more
}

// launchDirect starts the command as a child.
func (p *Process) launchDirect(cmd *exec.Cmd, why string) (tree, error) {
	shadow, err := p.prepare(cmd)
	if err != nil {
		return nil, err
	}
	shadow.Env = durable.WithMark(cmd.Environ(), p.mark)
	grouped := ownGroup(shadow.Cmd)
	if err := shadow.Start(); err != nil {
		p.abandon()
		return nil, err
	}
	p.flow()
	p.pid = shadow.Process.Pid
	cmd.Process = shadow.Process
	d := &direct{
		cmd: shadow, name: p.name, why: why, ended: make(chan struct{}),
		asked: make(chan struct{}), hurried: make(chan struct{}),
	}
	d.kill = action.Kill{Pid: p.pid, Mark: p.mark, Group: grouped}
	if err = edge.At("identity"); err == nil {
		d.kill, err = d.kill.Capture()
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) { // it is gone, and not waited for
		d.kill, _ = action.Kill{Mark: p.mark}.Capture() // which can't fail
	}
	return d, nil
}

func (d *direct) signal(sig os.Signal) error { return d.cmd.Process.Signal(sig) }

func (d *direct) end(grace time.Duration) {
	if grace == 0 {
		d.hurry.Do(func() { close(d.hurried) })
	}
	d.ask.Do(func() {
		d.grace = grace
		close(d.asked)
	})
}

// watch waits for the command, and then for the order to end what it may have left.
func (d *direct) watch(p *Process) {
	go func() { // ends with the command
		state, err := d.cmd.Process.Wait()
		close(d.ended)
		p.hasExited(d.failure(state, err))
	}()
	select {
	case <-d.ended:
		if d.nothingLeft() {
			p.isGone(nil)
			return
		}
		<-d.asked
	case <-d.asked:
	}
	err := d.finish()
	if err == nil {
		<-d.ended
	}
	p.isGone(err)
}

func (d *direct) finish() error {
	if d.kill.Target == nil {
		return d.finishChild()
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.grace+afterGrace)
	defer cancel()
	go func() { // ends with finish
		select {
		case <-d.hurried:
			cancel()
		case <-ctx.Done():
		}
	}()
	if d.kill.Grace = d.grace; d.kill.Do(ctx) == nil {
		return nil
	}
	d.kill.Grace = 0
	return d.kill.Do(context.Background())
}

// finishChild ends the command and its process group where no process can be told from its successors (the BSDs). It is this
// process's child, so nobody else has its number until it was waited for. What outlives it in its group is left.
func (d *direct) finishChild() error {
	send := func(sig syscall.Signal) { _ = d.cmd.Process.Signal(sig) }
	if d.kill.Group {
		send = func(sig syscall.Signal) { signalGroup(d.cmd.Process, sig) }
	}
	if d.grace > 0 {
		send(syscall.SIGTERM)
		if d.hasEnded(d.grace, d.hurried) {
			return nil
		}
	}
	send(syscall.SIGKILL)
	if !d.hasEnded(afterGrace, nil) {
		return fmt.Errorf("process %d is left: it does not die of SIGKILL, and hangs in the kernel", d.kill.Pid)
	}
	return nil
}

// hasEnded waits for the command's end, until the limit or until over is closed.
func (d *direct) hasEnded(limit time.Duration, over <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-d.ended:
		return true
	case <-over:
	case <-timer.C:
	}
	return false
}

// nothingLeft looks for what bears the mark. Where it can't, it takes the command's end for the tree's. It looks several times,
// because a process bears no mark in the moment in which it executes a program.
func (d *direct) nothingLeft() bool {
	const looks, pause = 4, 10 * time.Millisecond
	for i := range looks {
		if i > 0 {
			<-time.After(pause)
		}
		left, err := proc.Marked(action.MarkVariable, d.kill.Mark)
		if err != nil {
			return true
		}
		if len(left) > 0 {
			return false
		}
	}
	return true
}

func (d *direct) failure(state *os.ProcessState, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("lastly: child %s: how it ended is not known: %w", d.name, err)
	case state.Success():
		return nil
	}
	return exitError(d.name, state)
}

func (d *direct) describe(payload *durable.Process) {
	if d.kill.Target != nil {
		payload.Pid, payload.Group = d.kill.Pid, d.kill.Group
	}
}

func (d *direct) note() string {
	return fmt.Sprintf("process %d and what bears its mark, without a supervisor: %s", d.cmd.Process.Pid, d.why)
}

func (d *direct) hunt(ctx context.Context, _ error) error {
	if d.kill.Target == nil {
		return d.finishChild()
	}
	return d.kill.Do(ctx)
}

func (d *direct) release(waited, reaped bool) { d.cmd.release(waited, reaped) }
