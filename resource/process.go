package resource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/lastly-go/lastly/durable"
)

// A Process is a command that Start has started, with everything that it starts. Its methods may be called from anywhere, also
// from hooks, by many at once, and after its end.
type Process struct {
	name   string
	pid    int
	grace  time.Duration
	mark   string
	record *durable.Record[durable.Process]
	streams

	ready  chan struct{} // closed when tree is set, or will never be
	exited chan struct{} // closed when the command has ended and failure is set
	done   chan struct{} // closed when err is set
	gone   chan struct{} // closed when nothing of the tree is left, or can be known of it
	tree   tree          // nil: it was not started
	failed error         // of the command
	err    error         // what Wait returns

	original exec.Cmd  // as the user made it
	waited   sync.Once // the first Wait finds out what the end of the context was

	mu       sync.Mutex // guards what follows
	phase    phase
	lost     error // what was not ended
	canceled bool  // the context has ended before the command
	cancel   error // what cmd.Cancel returned then; readable when told is closed
	told     chan struct{}
}

type phase int

const (
	planned  phase = iota // nothing but the record is there
	starting              // the hook waits for ready
	refused               // the hook came first: nothing is started any more
)

// A tree is how a process tree is held.
type tree interface {
	// signal sends a signal to the command.
	signal(os.Signal) error
	// end asks for the tree's end, with a grace between SIGTERM and SIGKILL. It does not wait for it.
	end(grace time.Duration)
	// watch returns when the tree is gone. It calls hasExited and isGone.
	watch(p *Process)
	// describe adds to the record which process has to end before the tree has.
	describe(payload *durable.Process)
	// note says who holds it.
	note() string
	// hunt ends what is left when the tree could not be, as far as it can. left is what is known of it.
	hunt(ctx context.Context, left error) error
	// release gives back what the exec.Cmd holds beyond the end of the process that was started.
	release(waited, reaped bool)
}

// An ExitError says that a command ended, but not with exit status 0.
type ExitError struct {
	Command string    // its name, without arguments
	Code    int       // its exit status; -1 if a signal ended it
	Signal  os.Signal // that ended it; nil if none did
}

// Error names the command, and how it ended.
func (e *ExitError) Error() string {
	if e.Signal != nil {
		return fmt.Sprintf("lastly: child %s: ended by signal: %v", e.Command, e.Signal)
	}
	return fmt.Sprintf("lastly: child %s: exit status %d", e.Command, e.Code)
}

// Pid is the process number of the command. It is not this process's child, so nothing but this Process can wait for it.
func (p *Process) Pid() int { return p.pid }

// Done is closed when the command has ended and what it wrote is copied: Wait returns then, at once unless a cmd.Cancel of
// one's own is still at work.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the command has ended and what it wrote is copied, and returns nil if its exit status is 0, else an
// *ExitError. Other errors say that copying failed; exec.ErrWaitDelay, that something held its output open for longer than
// cmd.WaitDelay; the context's error, or that of cmd.Cancel, that the command was ended by its context and exited with 0;
// or that nobody knows how it ended. It does not wait for what the command has left running.
//
// It takes the place of cmd.Wait in everything: it closes the pipes that cmd.StdoutPipe and the like have made, so read them to
// their end first.
func (p *Process) Wait() error {
	<-p.done
	p.waited.Do(func() {
		p.err = p.contextError()
		p.original = exec.Cmd{} // it may hold much
	})
	p.tree.release(true, false)
	return p.err
}

// Signal sends a signal to the command, and to nothing else of the tree. The error is os.ErrProcessDone if it has ended.
func (p *Process) Signal(sig os.Signal) error {
	select {
	case <-p.exited:
		return os.ErrProcessDone
	default:
	}
	err := p.tree.signal(sig)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("lastly: child %s: send %v to process %d: %w", p.name, sig, p.pid, err)
	}
	return err
}

// Stop ends the whole tree now, as the hook would do it at its place in the order, and returns when nothing of it is left: nil, or
// a *lastly.HookError. When ctx ends first, the rest is killed at once. On a tree that is gone it does nothing.
func (p *Process) Stop(ctx context.Context) error {
	select {
	case <-p.gone:
		if p.remains() == nil {
			return nil
		}
	default:
	}
	hurried := context.AfterFunc(ctx, func() {
		<-p.ready
		if p.tree != nil {
			p.tree.end(0)
		}
	})
	defer hurried()
	err := p.record.Run(ctx)
	select {
	case <-p.gone: // by itself, meanwhile
		if p.remains() == nil {
			return nil
		}
	default:
	}
	return err
}

func (p *Process) remains() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// end is the hook.
func (p *Process) end(ctx context.Context) error {
	if p.refuse() {
		return nil
	}
	select {
	case <-p.ready:
	case <-ctx.Done():
		return fmt.Errorf("lastly: child %s: it is just being started: %w", p.name, ctx.Err())
	}
	if p.tree == nil {
		return nil
	}
	p.tree.end(p.graceIn(ctx))
	select {
	case <-p.gone:
		return p.endAgain(ctx)
	case <-ctx.Done():
	}
	p.tree.end(0)
	select {
	case <-p.gone:
		return p.endAgain(ctx)
	case <-time.After(lastMoment):
		return fmt.Errorf("lastly: child %s: something of its tree did not end at SIGKILL yet (process %d and what it started): %w", p.name, p.pid, ctx.Err())
	}
}

// endAgain ends what was left of the tree, or says what.
func (p *Process) endAgain(ctx context.Context) error {
	left := p.remains()
	if left == nil {
		return nil
	}
	return p.tree.hunt(ctx, left)
}

// lastMoment is how long the hook stays after its time is over, for SIGKILL to work.
const lastMoment = 250 * time.Millisecond

// graceIn is the grace, cut so that SIGKILL has some of the hook's time, too.
func (p *Process) graceIn(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return p.grace
	}
	return max(0, min(p.grace, time.Until(end)*9/10))
}

// refuse keeps a command from starting that has not begun to.
func (p *Process) refuse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == planned {
		p.phase = refused
	}
	return p.phase == refused
}

// begin reports whether the command may be started.
func (p *Process) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == planned {
		p.phase = starting
	}
	return p.phase == starting
}

// hasExited notes how the command ended, and that Wait has its result as soon as what it wrote is copied.
func (p *Process) hasExited(failed error) {
	select {
	case <-p.exited:
		return
	default:
	}
	p.failed = failed
	close(p.exited)
	finish := func() {
		copyErr := p.await(p.gone)
		if p.err = p.failed; p.err == nil && copyErr != nil {
			p.err = fmt.Errorf("lastly: child %s: its standard streams: %w", p.name, copyErr)
		}
		close(p.done)
	}
	if p.idle() {
		finish()
		return
	}
	go finish() // ends when the copies have, or their time is over
}

// isGone notes that nothing is left of the tree, or what is.
func (p *Process) isGone(lost error) {
	p.mu.Lock()
	p.lost = lost
	p.mu.Unlock()
	close(p.gone)
	if lost == nil {
		p.record.Cancel() // in vain if the hook runs: then that strikes it
	}
	p.tree.release(false, true)
}
