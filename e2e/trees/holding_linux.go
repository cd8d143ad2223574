package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A holding is of processes, by their pidfds.
type holding []unix.PollFd

// hold leaves out who is gone.
func hold(pids []int) (held holding, err error) {
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return held, fmt.Errorf("pidfd_open: %w", err)
		}
		held = append(held, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	return held, nil
}

func (h holding) close() {
	for _, p := range h {
		_ = unix.Close(int(p.Fd))
	}
}

// await returns when all have ended. It looks at one after the other: who has ended stays so.
func (h holding) await(limit time.Duration) error {
	end := time.Now().Add(limit)
	for left := slices.Clone(h); len(left) > 0; {
		wait := max(0, time.Until(end))
		n, err := unix.Poll(left[:1], int(wait.Milliseconds()))
		switch {
		case n == 1:
			left = left[1:]
		case err != nil && !errors.Is(err, syscall.EINTR):
			return err
		case wait == 0:
			return fmt.Errorf("%d processes live on after %v", len(left), limit)
		}
	}
	return nil
}

// guardsOf are the guards that a process has started.
func guardsOf(pid int) []int {
	return slices.DeleteFunc(children(pid), func(child int) bool {
		return nameOf(child) != "lastly-guard"
	})
}

// children are those of all threads of a process.
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/children")) // the pattern is good
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

// nameOf is at most 15 bytes long.
func nameOf(pid int) string {
	name, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return strings.TrimSuffix(string(name), "\n")
}
