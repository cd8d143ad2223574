package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// limitMemory puts the victim into a cgroup with little memory. It says why it can't.
func (t *trial) limitMemory(together bool) (skip string) {
	c, err := newCgroup(t.Row, together)
	if err != nil {
		return err.Error()
	}
	t.cgroup = c
	t.Wrap = &wrap{Cgroup: c.path}
	return t.Wrap.impossible()
}

// bootAnew gives the next start another boot id.
func (t *trial) bootAnew() (skip string) {
	w := wrap{Boot: t.path(bootFile)}
	if skip := w.impossible(); skip != "" {
		return skip
	}
	if err := os.WriteFile(w.Boot, []byte("6c617374-6c79-4d61-8472-69782d626f6f\n"), 0o600); err != nil {
		return err.Error()
	}
	t.nextWrap = &w
	return ""
}

// contain makes the victim the first process of a PID namespace, and the next start that of another.
func (t *trial) contain() (skip string) {
	w := wrap{Proc: true}
	if skip := w.impossible(); skip != "" {
		return skip
	}
	t.Wrap, t.nextWrap = &w, &w
	return ""
}

// starve makes the victim take memory until the kernel kills it.
func starve(ctx context.Context, t *trial) error {
	if err := tell(ctx, t); err != nil {
		return err
	}
	if err := t.wait(ctx, starveLimit); err != nil {
		return fmt.Errorf("wait for the kernel to run out of memory: %w", err)
	}
	t.caused = time.Now() // what came before was only hunger
	if t.cgroup.kills() == 0 {
		return fmt.Errorf("the kernel killed nobody for want of memory: %s", t.said())
	}
	return nil
}

// starveBoth is starve for the victim and its guard. With cgroup v2 the kernel kills all at once. The first version knows no
// groups: there the guard is stopped, so that it stays as helpless as if it were dead, until a second shortage gets it.
func starveBoth(ctx context.Context, t *trial) error {
	guard := t.processes[roleGuard]
	if !t.cgroup.v2 {
		if err := syscall.Kill(guard.pid, syscall.SIGSTOP); err != nil {
			return err
		}
	}
	if err := starve(ctx, t); err != nil {
		return err
	}
	if !t.cgroup.v2 {
		if err := t.starveGuard(ctx, guard); err != nil {
			return err
		}
	}
	return within(ctx, stepLimit, func() bool { return !guard.lives() })
}

// hogs are how many processes share in taking the memory, so that each is much smaller than all: what the kernel is told to
// prefer counts as much as all.
const hogs = 4

// starveGuard makes the kernel prefer the guard, and other processes take the memory.
func (t *trial) starveGuard(ctx context.Context, guard process) (err error) {
	before := t.cgroup.kills()
	score := fmt.Sprintf("/proc/%d/oom_score_adj", guard.pid)
	if err := os.WriteFile(score, []byte("1000"), 0); err != nil {
		return err
	}
	hog := t.part
	hog.Wrap = &wrap{Cgroup: t.cgroup.path}
	for range hogs {
		cmd, err := hog.command(roleHog)
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		defer func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}()
	}
	err = within(ctx, starveLimit, func() bool { return !guard.lives() })
	switch kills := t.cgroup.kills() - before; {
	case err != nil:
		return fmt.Errorf("wait for the kernel to kill the guard (it killed %d, and not that one): %w", kills, err)
	case kills == 0:
		return errors.New("the guard died, but not for want of memory")
	}
	return nil
}
