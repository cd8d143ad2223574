package run

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/proc"
)

// awaitInner is how long a guard waits for the inner process to end the tree, beyond the grace.
const awaitInner = 5 * time.Second

// registerTree writes the tree down, before there is one: should both processes that hold it be killed, the guard ends what bears
// the mark. With --let-go that would be too much, for daemons bear it as well.
func (r *runner) registerTree() error {
	if r.session.Mark == "" || r.options.LetGo {
		return nil // else package resource has written it down
	}
	return r.registerProcess(durable.Process{Mark: r.session.Mark, Grace: r.grace()})
}

// describeTree says what is known of it when it has begun.
func (r *runner) describeTree() {
	inner, command := r.session.Inner, r.session.Command
	switch {
	case r.session.Mark == "":
	case r.options.LetGo:
		_ = r.registerRunning(inner, command) // on an error it was quick, and is gone
	default:
		_ = r.tree[0].Update(r.processes(inner, command)[0])
	}
}

// registerRunning writes down a tree that has begun. What has ended already is no error.
func (r *runner) registerRunning(inner, command int) error {
	if r.session.Mark == "" {
		return nil
	}
	for _, process := range r.processes(inner, command) {
		if err := r.registerProcess(process); err != nil && !errors.Is(err, proc.ErrGone) {
			return err
		}
	}
	return nil
}

// processes are what a guard ends, the last one first. For the inner one it waits, which ends all others.
func (r *runner) processes(inner, command int) []durable.Process {
	held := durable.Process{Mark: r.session.Mark, Pid: inner, Grace: r.grace(), Await: r.grace() + awaitInner}
	alone := durable.Process{Mark: r.session.Mark, Pid: command, Grace: r.grace()}
	if r.options.LetGo {
		held.Mark, alone.Mark = "", ""
	}
	switch {
	case inner == 0:
		return []durable.Process{alone}
	case r.options.LetGo:
		return []durable.Process{alone, held}
	}
	return []durable.Process{held}
}

func (r *runner) registerProcess(process durable.Process) error {
	none := func(context.Context) error { return nil } // while this process lives the session ends it
	hook := lastly.Hook{Name: "command " + filepath.Base(r.options.Command[0]), Run: none, Timeout: r.grace() + 2*awaitInner}
	record, err := durable.Kill.Register(r.scope, process, hook)
	if err != nil {
		return trimmed(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tree = append(r.tree, record)
	return nil
}

// forgetTree strikes the tree, which is gone.
func (r *runner) forgetTree() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range r.tree {
		record.Cancel()
	}
}
