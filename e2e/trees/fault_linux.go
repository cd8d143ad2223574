package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Double faults: lastly's supervisor is killed, too.
var (
	eventSupervisor = event{"KILL supervisor", (*trial).killSupervisor}
	eventBoth       = event{"KILL supervisor and program", (*trial).killBoth}
)

func faults() []event { return []event{eventSupervisor, eventBoth} }

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

// fault tries one double fault on lastly, with trees that keep their environment and with such that have none.
func (l lab) fault(ctx context.Context, e event) (f fault, err error) {
	f.Event = e.name
	for _, c := range []struct {
		bare bool
		left *int
	}{{false, &f.Kept}, {true, &f.Cleared}} {
		forest, err := newForest(l.each, c.bare)
		if err != nil {
			return f, err
		}
		if *c.left, err = l.survivorsOf(ctx, forest, toolsNamed(nameLastly)[0], e); err != nil {
			return f, fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return f, nil
}
