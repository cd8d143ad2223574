package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// Kill ends a process: that very one, never a successor that got its number (on Linux by the inode of its pidfd, else by
// start time, boot and PID namespace). One of an earlier boot is gone, and so nothing is killed; one of another PID
// namespace is left, and named.
//
// A process is registered by its number once it runs, which leaves a gap between its start and Register. A mark closes
// the gap, because it is known before:
//
//	mark := durable.NewMark()
//	rec, err := durable.Kill.Register(scope, durable.Process{Mark: mark}, lastly.Hook{Name: "converter"})
//	cmd.Env = durable.WithMark(os.Environ(), mark)
//	err = cmd.Start()
//	err = rec.Update(durable.Process{Mark: mark, Pid: cmd.Process.Pid})
//
// Whatever bears the mark in its environment is killed: the process, its children, and those that escaped to another
// session. What cleared its environment is not found. Marks are Linux's.
var Kill = define("kill", captureProcess, killProcess)

// A Process is the payload of Kill. Pid or Mark is needed, or both.
type Process struct {
	Pid   int           // while it runs; 0: not known yet
	Mark  string        // of NewMark, and in the process's environment by WithMark
	Group bool          // also the process group that it leads
	Grace time.Duration // SIGTERM first, SIGKILL after so long; 0: SIGKILL at once

	// Await is how long Pid may end by itself before a signal is sent to it or to what bears the mark: for a process that
	// ends others in order when its owner is gone. 0: no time.
	Await time.Duration

	target *proc.ID // what identifies Pid; nil before Register
}

// NewMark returns a mark for a process that is about to be started: 128 random bits.
func NewMark() string { return action.NewMark() }

// WithMark returns the environment env with a mark added: cmd.Env = durable.WithMark(cmd.Environ(), mark).
func WithMark(env []string, mark string) []string { return action.WithMark(env, mark) }

func killProcess(ctx context.Context, p Process) error {
	if pass := passFrom(ctx); pass != nil && pass.gone != 0 && p.target != nil && p.target.Namespace == pass.gone {
		return nil // the kernel killed it with its namespace
	}
	return p.action().Do(ctx)
}

// goneWith is the PID namespace that ended when the owner did: when its first process ends, the kernel kills all others.
func goneWith(o journal.Owner) uint64 {
	if o.Pid != 1 || o.Boot != proc.BootID() || o.Namespace == proc.Namespace() {
		return 0
	}
	return o.Namespace
}

func (p Process) action() action.Kill {
	return action.Kill{Pid: p.Pid, Mark: p.Mark, Group: p.Group, Grace: p.Grace, Await: p.Await, Target: p.target}
}

func captureProcess(p Process) (Process, error) {
	k, err := p.action().Capture()
	return processOf(k), err
}

func processOf(k action.Kill) Process {
	return Process{Pid: k.Pid, Mark: k.Mark, Group: k.Group, Grace: k.Grace, Await: k.Await, target: k.Target}
}

// String names the process, without its mark.
func (p Process) String() string { return p.action().String() }

// MarshalJSON gives the form in the journal: with what identifies the process.
func (p Process) MarshalJSON() ([]byte, error) { return json.Marshal(p.action()) }

// UnmarshalJSON reads the form in the journal, and refuses what Register would not have written.
func (p *Process) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var k action.Kill
	if err := d.Decode(&k); err != nil {
		return err
	}
	if err := k.Check(); err != nil {
		return err
	}
	*p = processOf(k)
	return nil
}
