//go:build linux || darwin

package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Process is one process, held so that no other can be mistaken for it. Close it. Its methods may be called from several
// goroutines at once.
type Process struct {
	id    ID
	pidfd *pidfd // nil where the system has none: then number and start time are compared before each use

	watch  sync.Once
	over   chan struct{} // closed when the watch is over
	err    error         // why, readable then: nil when the process is gone
	close  sync.Once
	closed chan struct{}
}

// openPid holds the process that has the number now.
func openPid(pid int) (*Process, error) { return openPidWith(pid, true) }

// openPidWith can leave pidfds out of it, for the tests.
func openPidWith(pid int, withPidfd bool) (*Process, error) {
	if pid <= 0 {
		return nil, fmt.Errorf("%d is no process number", pid)
	}
	p := &Process{
		id:     ID{Pid: pid, Boot: BootID(), Namespace: Namespace()},
		over:   make(chan struct{}),
		closed: make(chan struct{}),
	}
	var err error
	if withPidfd {
		p.pidfd, err = openPidfd(pid)
	}
	if err == nil {
		err = p.identify()
	}
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// identify reads what belongs to the number, and then makes sure that the number was that of the held process all the while:
// it is, as long as the process was not waited for.
func (p *Process) identify() error {
	if p.pidfd == nil {
		start, err := startOf(p.id.Pid, nil)
		p.id.Start = start
		return err
	}
	p.id.Inode = p.pidfd.inode()
	start, err := startOf(p.id.Pid, p.pidfd)
	p.id.Start = start
	if exited, gone := p.pidfd.exited(); gone != nil || exited {
		return errors.Join(gone, ErrGone)
	}
	switch {
	case err != nil && p.id.Inode != 0:
		return nil // /proc hides it, but it is known
	case errors.Is(err, ErrGone):
		return errBlurred // it is not gone
	}
	return err
}

// alive returns ErrGone, or why it is not known.
func (p *Process) alive() error {
	if p.pidfd != nil {
		exited, err := p.pidfd.exited()
		if exited {
			return ErrGone
		}
		return err
	}
	start, err := startOf(p.id.Pid, nil)
	if err == nil && start != p.id.Start {
		return ErrGone
	}
	return err
}

// Signal sends a signal to the process. The error is ErrGone if it has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	if p.pidfd != nil {
		return p.failed("signal", p.pidfd.signal(sig))
	}
	err := p.alive()
	if err == nil {
		err = goneIfNone(syscall.Kill(p.id.Pid, sig)) // the process that was alive a microsecond ago
	}
	return p.failed("signal", err)
}

// SignalGroup sends a signal to the process group that the process leads or led, also when it has ended since Open: as long
// as a member is left. The error is ErrGone if there is no such group.
func (p *Process) SignalGroup(sig syscall.Signal) error {
	if p.pidfd != nil {
		err := p.pidfd.signalGroup(sig)
		if !errors.Is(err, errors.ErrUnsupported) {
			return p.failed("signal the group of", err)
		}
	}
	err := p.alive()
	if err == nil {
		group, failed := syscall.Getpgid(p.id.Pid)
		switch {
		case failed != nil:
			err = goneIfNone(failed)
		case group != p.id.Pid:
			err = ErrGone
		default:
			err = goneIfNone(syscall.Kill(-group, sig)) // the leader lived a microsecond ago
		}
	}
	return p.failed("signal the group of", err)
}

// Wait waits until the process is gone. When the context ends before, the error is its cause.
func (p *Process) Wait(ctx context.Context) error {
	p.watch.Do(func() { go p.follow() }) // ends with the process, or with Close
	select {
	case <-p.over:
		return p.failed("wait for", p.err)
	case <-ctx.Done():
	}
	if errors.Is(p.alive(), ErrGone) {
		return nil
	}
	return p.failed("wait for", context.Cause(ctx))
}

// lookEvery is how often a process is looked at that can't be waited for. The kernel announces a pidfd at once.
const lookEvery = 10 * time.Millisecond

func (p *Process) follow() {
	defer close(p.over)
	if p.pidfd != nil {
		p.err = p.pidfd.wait()
		if !errors.Is(p.err, errors.ErrUnsupported) {
			return
		}
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		p.err = p.alive()
		if errors.Is(p.err, ErrGone) {
			p.err = nil
			return
		}
		if p.err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-p.closed:
			p.err = os.ErrClosed
			return
		}
	}
}

// ExitStatus is how the process ended, as wait(2) tells it: a syscall.WaitStatus. It works for processes that are not
// children. It is false while the process runs; while its parent has not waited for it, unless /proc tells a status other
// than 0 to this user; and on systems that do not tell: Linux before 6.15, macOS, and where there are no pidfds.
func (p *Process) ExitStatus() (status int, ok bool) {
	if p.pidfd == nil {
		return 0, false
	}
	if status, ok = p.pidfd.exitStatus(); ok {
		return status, true
	}
	return zombieStatus(p.id.Pid, p.pidfd)
}

// Fd is the pidfd, which is the Process's: it is valid until Close. It is -1 where there is none.
func (p *Process) Fd() int {
	if p.pidfd == nil {
		return -1
	}
	return p.pidfd.number()
}

// Close lets go of the process, and ends every Wait with os.ErrClosed. It does not end the process.
func (p *Process) Close() error {
	var err error
	p.close.Do(func() {
		close(p.closed)
		if p.pidfd != nil {
			err = p.pidfd.close()
		}
	})
	return err
}

// failed says what failed on which process.
func (p *Process) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("proc: %s %v: %w", what, p.id, err)
}

// goneIfNone turns ESRCH into ErrGone.
func goneIfNone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return ErrGone
	}
	return err
}
