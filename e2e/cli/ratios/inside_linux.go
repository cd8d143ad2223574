package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A holder is a run whose command waits.
type holder struct {
	cmd   *exec.Cmd
	stdin io.Closer
	inner int    // a process number
	run   string // its socket
}

// hold starts a run.
func (l *lab) hold(ctx context.Context, flags ...string) (*holder, error) {
	argv := append(append([]string{"run"}, flags...), "--", "sh", "-c", `echo "$PPID $LASTLY_RUN"; exec cat`)
	h := &holder{cmd: exec.CommandContext(ctx, l.lastly, argv...)}
	h.cmd.Env, h.cmd.Stderr = l.env(l.state), os.Stderr
	stdin, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	h.stdin = stdin
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	text, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(text, &h.inner, &h.run)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a run printed %q: %w", text, err), h.end())
	}
	return h, nil
}

// end lets the command end, and all with it.
func (h *holder) end() error {
	_ = h.stdin.Close()
	return h.cmd.Wait()
}

// adds measures `lastly add`, in a run that has a record already: the first one is a run's beginning to keep any.
func (l *lab) adds(ctx context.Context, t *results, rounds int, progress io.Writer) (err error) {
	h, err := l.hold(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.end()) }()
	env := l.env(l.state, "LASTLY_RUN="+h.run)
	sides := []side{
		{[]string{l.lastly, "add", "remove", filepath.Join(l.dir, "nothing")}, env},
		{[]string{l.empty}, env},
	}
	if _, err := l.turns(ctx, 1, sides); err != nil {
		return err
	}
	for round := range rounds {
		fmt.Fprintf(progress, "ratios: add, round %d of %d\n", round+1, rounds)
		ms, err := l.turns(ctx, l.sizes.tries, sides)
		if err != nil {
			return err
		}
		t.add("`lastly add`, all of it", "× an empty Go program", 2, ms[0]/ms[1])
		t.add("the empty Go program", "ms", 0, ms[1])
	}
	return nil
}

// soon is how long a run takes to have all its threads, and more.
const (
	soon  = 300 * time.Millisecond
	looks = 30 // for the guard
)

// memory looks at what no other process shares with those of a run that waits.
func (l *lab) memory(ctx context.Context, t *results, rounds int, _ io.Writer) error {
	for range rounds {
		if err := l.weigh(ctx, t, "private memory of both processes", false); err != nil {
			return err
		}
		if err := l.weigh(ctx, t, "private memory of both with a record (`--temp`)", true, "--temp"); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) weigh(ctx context.Context, t *results, work string, guarded bool, flags ...string) (err error) {
	h, err := l.hold(ctx, flags...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.end()) }()
	pid, err := h.guard(ctx, guarded)
	if err != nil {
		return err
	}
	outer, outerOwn, err := private(h.cmd.Process.Pid)
	if err != nil {
		return err
	}
	inner, innerOwn, err := private(h.inner)
	if err != nil {
		return err
	}
	t.add(work, "MB", 4, outer+inner)
	t.add(work+", without pages of the program's file", "MB", 0, outerOwn+innerOwn)
	if !guarded {
		return nil
	}
	guard, _, err := private(pid)
	t.add("its guard, a third process", "MB", 0, guard)
	return err
}

// private is what no other process shares with this one, in megabytes: all of it, and what is of no file. A page of the program's
// file counts as private if no other process has needed it yet.
func private(pid int) (all, anonymous float64, err error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		if name != "Private_Clean" && name != "Private_Dirty" && name != "Anonymous" {
			continue
		}
		kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		if err != nil {
			return 0, 0, fmt.Errorf("smaps_rollup: %q: %w", line, err)
		}
		if name == "Anonymous" {
			anonymous = float64(kb) / 1024
		} else {
			all += float64(kb) / 1024
		}
	}
	return all, anonymous, nil
}

// guard waits until the run has all its threads, and its guard, if it is to have one: that starts beside the command.
func (h *holder) guard(ctx context.Context, wanted bool) (pid int, err error) {
	for range looks {
		select {
		case <-time.After(soon):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
		if !wanted {
			return 0, nil
		}
		if pid, err = guardOf(h.cmd.Process.Pid); err == nil {
			return pid, nil
		}
	}
	return 0, err
}

// guardOf is the child that is called so.
func guardOf(pid int) (int, error) {
	lists, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/children")) // the pattern is good
	for _, list := range lists {
		text, _ := os.ReadFile(list) // of a thread that has ended
		for word := range strings.FieldsSeq(string(text)) {
			name, _ := os.ReadFile(filepath.Join("/proc", word, "comm"))
			if string(name) == "lastly-guard\n" {
				return strconv.Atoi(word)
			}
		}
	}
	return 0, fmt.Errorf("process %d has no guard", pid)
}

// size is that of the command, stripped.
func (l *lab) size(_ context.Context, t *results, _ int, _ io.Writer) error {
	info, err := os.Stat(l.lastly)
	if err != nil {
		return err
	}
	t.add("the command's size, stripped", "MB", 12, float64(info.Size())/(1<<20))
	return nil
}
