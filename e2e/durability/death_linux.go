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
	"time"

	"golang.org/x/sys/unix"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// settled compares the time from SIGKILL to what the guard does first with the time to what the kernel tells first.
func (l *lab) settled(ctx context.Context, round int) (float64, error) {
	return turns.Ratio(turns.Middle(round, l.sizes.deaths,
		func() (float64, error) { return l.untilRemoved(ctx) },
		func() (float64, error) { return l.untilTold(ctx) },
	))
}

// untilRemoved returns the nanoseconds from SIGKILL until the owner's file is gone. Its name is one of NewName's: what has a
// name of its own is renamed first.
func (l *lab) untilRemoved(ctx context.Context) (took float64, err error) {
	b, err := l.bench(true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	h, err := b.hold(ctx, durable.NewName("file-"))
	if err != nil {
		return 0, err
	}
	guard, err := h.guard(ctx)
	if err != nil {
		return 0, errors.Join(err, h.end())
	}
	gone, err := unix.PidfdOpen(guard, 0)
	if err != nil {
		return 0, errors.Join(err, h.end())
	}
	defer unix.Close(gone)
	removed, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return 0, errors.Join(err, h.end())
	}
	defer unix.Close(removed)
	if _, err = unix.InotifyAddWatch(removed, b.work, unix.IN_DELETE); err != nil {
		return 0, errors.Join(err, h.end())
	}
	if took, err = h.kill(removed); err != nil {
		return 0, err
	}
	if _, err := os.Lstat(h.file); !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("the guard removed something, but not %s: %w", h.file, err)
	}
	return took, readable(gone) // what the guard does at its end must not disturb what is measured next
}

// untilTold returns the nanoseconds from SIGKILL until somebody who waits for it knows.
func (l *lab) untilTold(ctx context.Context) (took float64, err error) {
	b, err := l.bench(false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	h, err := b.hold(ctx, durable.NewName("file-"))
	if err != nil {
		return 0, err
	}
	dead, err := unix.PidfdOpen(h.cmd.Process.Pid, 0)
	if err != nil {
		return 0, errors.Join(err, h.end())
	}
	defer unix.Close(dead)
	return h.kill(dead)
}

// kill kills the holder and returns the nanoseconds until the descriptor is readable.
func (h *holder) kill(fd int) (float64, error) {
	pid := h.cmd.Process.Pid
	begin := time.Now()
	err := syscall.Kill(pid, syscall.SIGKILL)
	if err == nil {
		err = readable(fd)
	}
	took := time.Since(begin)
	_ = h.stdin.Close()
	_ = h.cmd.Wait()
	if status, ok := h.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		err = errors.Join(err, fmt.Errorf("the owner was not killed: %v", h.cmd.ProcessState))
	}
	return float64(took), err
}

// readable waits in the kernel until there is something to read.
func readable(fd int) error {
	end := time.Now().Add(patience)
	for {
		left := unix.NsecToTimespec(max(0, time.Until(end).Nanoseconds()))
		switch n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, &left, nil); {
		case errors.Is(err, syscall.EINTR): // the runtime's own signals
		case err != nil:
			return fmt.Errorf("ppoll: %w", err)
		case n == 0:
			return fmt.Errorf("nothing happened in %v", patience)
		default:
			return nil
		}
	}
}

// guard returns the process number of the holder's guard once it waits.
func (h *holder) guard(ctx context.Context) (pid int, err error) {
	err = poll(ctx, "the guard", func() bool {
		for _, pid = range children(h.cmd.Process.Pid) {
			stat, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
			if strings.Contains(string(stat), " (lastly-guard) S ") {
				return true
			}
		}
		return false
	})
	return pid, err
}

// children are the processes that any thread of a process has started.
func children(pid int) []int {
	lists, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	var pids []int
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
