package resource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/supervise"
)

// lose is called when the supervisor was killed. It writes down at once who has to be ended should the owner die as well, and
// ends everybody that can be found: the command, its process group, what descends from it, and what bears the mark. In any case it
// is a failure: what has left the command's family and cleared its environment, or writes a title over it, is not known.
func (t *supervised) lose(p *Process) error {
	kill := action.Kill{Mark: t.mark, Grace: t.grace}
	if t.command != nil {
		kill.Pid, kill.Group = t.pid, leadsGroup(t.pid)
	}
	known, err := kill.Capture()
	if err == nil && known.Target.Pid != 0 && known.Target.Inode != t.command.ID().Inode {
		err = proc.ErrGone // the number is somebody else's
	}
	if err != nil { // the command has ended
		kill.Pid, kill.Group = 0, false
		known, err = kill.Capture()
	}
	if err == nil {
		err = p.record.Update(durable.Process{Mark: t.mark, Pid: kill.Pid, Group: kill.Group, Grace: t.grace})
	}
	t.lost, t.kills = true, append(t.descendants(kill), known)
	if errors.Is(err, durable.ErrStruck) {
		err = nil // the hook already runs
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.grace+afterGrace)
	defer cancel()
	return errors.Join(err, t.hunt(ctx, nil))
}

// descendants are those of a command that are neither marked nor in its group: nobody is to get SIGTERM twice.
func (t *supervised) descendants(of action.Kill) (kills []action.Kill) {
	if of.Pid == 0 {
		return nil
	}
	marked, _ := proc.Marked(action.MarkVariable, t.mark)
	for _, pid := range supervise.Descendants(of.Pid) {
		group, err := syscall.Getpgid(pid)
		if err != nil || of.Group && group == of.Pid || slices.ContainsFunc(marked, func(id proc.ID) bool { return id.Pid == pid }) {
			continue
		}
		if one, err := (action.Kill{Pid: pid, Grace: t.grace}).Capture(); err == nil {
			kills = append(kills, one)
		}
	}
	return kills
}

// hunt ends them once more. It never succeeds, because it can't know. What an orderly supervisor had to leave nobody can end.
func (t *supervised) hunt(ctx context.Context, left error) error {
	if !t.lost {
		return fmt.Errorf("lastly: child %s: %w", t.name, left)
	}
	errs := make(chan error, len(t.kills))
	for _, k := range t.kills { // side by side, so that they share the grace
		go func() { errs <- k.Do(ctx) }() // ends with the process, or with ctx
	}
	failed := []error{fmt.Errorf("lastly: child %s: its supervisor (process %d) was killed: the command, its process group, its descendants and what bears its mark were ended; "+
		"look for what had left them and cleared its environment or written over it", t.name, t.supervisorPid())}
	for range t.kills {
		if err := <-errs; err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (t *supervised) supervisorPid() int { return t.cmd.Process.Pid }
