package resource

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/proc"
)

// A direct tree is held without a supervisor: by the command's process group, and by its mark where processes can be asked for
// their environment.
type direct struct {
	cmd   *shadow
	name  string
	kill  action.Kill
	asked chan struct{} // closed when grace is set
	once  atomic.Bool
	grace time.Duration
	ended chan struct{} // closed when the command was waited for
	why   string
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
		cmd: shadow, name: p.name, why: why,
		asked: make(chan struct{}), ended: make(chan struct{}),
	}
	d.kill, err = action.Kill{Pid: p.pid, Mark: p.mark, Group: grouped}.Capture()
	if err != nil { // it is gone, and not waited for
		d.kill, err = action.Kill{Mark: p.mark}.Capture()
	}
	return d, err
}

func (d *direct) signal(sig os.Signal) error { return d.cmd.Process.Signal(sig) }

func (d *direct) end(grace time.Duration) {
	if !d.once.CompareAndSwap(false, true) {
		return // the first one goes on to SIGKILL in any case
	}
	d.grace = grace
	close(d.asked)
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
	d.kill.Grace = d.grace
	err := d.kill.Do(context.Background())
	if err == nil {
		<-d.ended
	}
	p.isGone(err)
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
	payload.Pid, payload.Group = d.kill.Pid, d.kill.Group
}

func (d *direct) note() string {
	return fmt.Sprintf("process %d and what bears its mark, without a supervisor: %s", d.cmd.Process.Pid, d.why)
}

func (d *direct) hunt(ctx context.Context) error { return d.kill.Do(ctx) }

func (d *direct) release(waited, reaped bool) { d.cmd.release(waited, reaped) }
