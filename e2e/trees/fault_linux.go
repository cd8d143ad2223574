package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A mishap is a double fault: lastly's supervisor is killed, too, or alone.
type mishap struct {
	tool     string
	event    event
	promised bool // of a tree that keeps its environment nothing survives
}

func mishaps() []mishap {
	const one, both = "KILL inner process", "KILL both processes"
	return []mishap{
		{nameLastly, event{"KILL supervisor", (*trial).killSupervisor}, true},
		{nameLastly, event{"KILL supervisor and program", (*trial).killBoth}, true},
		{nameRun, event{one, (*trial).killSupervisor}, true},
		{nameRun, event{both, (*trial).killBoth}, false},
		{nameRun, event{both + ", then `lastly sweep`", (*trial).killAndSweep}, true},
		{nameGuarded, event{one, (*trial).killSupervisor}, true},
		{nameGuarded, event{both, (*trial).killBoth}, true},
	}
}

func (m mishap) String() string { return m.tool + ": " + m.event.name }

// killSupervisor kills the shell's parent.
func (t *trial) killSupervisor() error {
	_, shells := t.living()
	if len(shells) != 1 {
		return fmt.Errorf("%d shells", len(shells))
	}
	pid, err := parentOf(shells[0])
	if err != nil {
		return err
	}
	if name := nameOf(pid); !strings.HasPrefix(name, "lastly-superv") {
		return fmt.Errorf("the shell's parent is not a supervisor, but %q", name)
	}
	return syscall.Kill(pid, syscall.SIGKILL) // the shell is its child: the number is nobody else's
}

// killBoth gives the program no moment between the two to notice, and to write down what it knows.
func (t *trial) killBoth() error {
	stopped := t.cmd.Process.Signal(syscall.SIGSTOP)
	return errors.Join(stopped, t.killSupervisor(), t.cmd.Process.Kill())
}

// killAndSweep: the next sweep ends what it finds.
func (t *trial) killAndSweep() error {
	if err := t.killBoth(); err != nil {
		return err
	}
	<-t.ended
	sweep := exec.Command(t.cmd.Path, "sweep")
	sweep.Env = t.cmd.Env
	if text, err := sweep.CombinedOutput(); err != nil {
		return fmt.Errorf("lastly sweep: %w: %s", err, text)
	}
	return nil
}

func parentOf(pid int) (int, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // "123 (bash) S 122 ..."
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0, fmt.Errorf("process %d: no parent in %q", pid, stat)
	}
	return strconv.Atoi(fields[1])
}

// fault tries one double fault, with trees that keep their environment and with such that have none.
func (l lab) fault(ctx context.Context, m mishap) (f fault, err error) {
	f.Event, f.Promised = m.String(), m.promised
	for _, c := range []struct {
		bare bool
		left *int
	}{{false, &f.Kept}, {true, &f.Cleared}} {
		forest, err := newForest(l.each, c.bare)
		if err != nil {
			return f, err
		}
		if *c.left, err = l.survivorsOf(ctx, forest, toolNamed(m.tool), m.event); err != nil {
			return f, fmt.Errorf("%v: %w", m, err)
		}
	}
	return f, nil
}
