package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// kinds are the five kinds of processes, each as a line of bash. The comments are how they can't be reached.
var kinds = []string{
	`sleep TOKEN &`,                                     // not at all: a plain child
	`(trap "" TERM; exec sleep TOKEN) &`,                // by SIGTERM
	`set -m; sleep TOKEN & set +m`,                      // by the process group
	`setsid sleep TOKEN &`,                              // by the session
	`(setsid sleep TOKEN </dev/null >/dev/null 2>&1 &)`, // as a descendant: a daemon
}

// A forest is a tree of processes that can be told from all others: each has the token among its arguments, as the number of
// seconds that it sleeps.
type forest struct {
	token string
	each  int
	bare  bool // without an environment
}

// newForest makes one that ends by itself, as the last resort. One without an environment does so soon, for then no mark tells anybody
// but this program whose it is.
func newForest(each int, bare bool) (*forest, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1e15))
	if err != nil {
		return nil, err
	}
	seconds := 3600
	if bare {
		seconds = 120
	}
	return &forest{fmt.Sprintf("%d.%015d", seconds, n), each, bare}, nil
}

// command starts everything, and exits 0 when a line comes in.
func (f *forest) command() []string {
	var text strings.Builder
	for _, line := range kinds {
		fmt.Fprintf(&text, "for i in $(seq %d); do\n%s\ndone\n", f.each, strings.ReplaceAll(line, "TOKEN", f.token))
	}
	text.WriteString("read line\nexit 0 # " + f.token)
	words := []string{"bash", "-c", text.String()}
	if f.bare {
		words = append([]string{"env", "-i", "PATH=" + os.Getenv("PATH")}, words...)
	}
	return words
}

// size is how many processes it has: so many of each kind, and the shell.
func (f *forest) size() int { return len(kinds)*f.each + 1 }

// living are the processes of the forest, zombies not among them. A tool has the token among its arguments as well, and is none.
func (f *forest) living() (sleepers, shells []int) {
	names, _ := os.ReadDir("/proc")
	for _, name := range names {
		pid, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		switch args := arguments(pid); {
		case f.isSleeper(args):
			sleepers = append(sleepers, pid)
		case f.isShell(args):
			shells = append(shells, pid)
		}
	}
	return sleepers, shells
}

func (f *forest) isSleeper(args []byte) bool { return string(args) == "sleep\x00"+f.token+"\x00" }

// isShell: for a moment, while it starts something, the shell is there twice.
func (f *forest) isShell(args []byte) bool {
	return bytes.HasPrefix(args, []byte("bash\x00-c\x00")) && bytes.Contains(args, []byte(f.token))
}

// arguments are none when the process is gone, or a zombie.
func arguments(pid int) []byte {
	args, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return args
}

// count is how many live.
func (f *forest) count() int {
	sleepers, shells := f.living()
	return len(sleepers) + len(shells)
}

// await waits until the forest stands.
func (f *forest) await(ctx context.Context) error {
	var sleepers, shells []int
	err := poll(ctx, time.Minute, func() bool {
		sleepers, shells = f.living()
		return len(sleepers) == f.size()-1 && len(shells) == 1
	})
	if err != nil {
		return fmt.Errorf("%d of %d processes and %d shells stand: %w", len(sleepers), f.size()-1, len(shells), err)
	}
	return nil
}

// fell ends what is left.
func (f *forest) fell() error {
	return poll(context.Background(), time.Minute, func() bool {
		sleepers, shells := f.living()
		for _, pid := range append(sleepers, shells...) {
			f.kill(pid)
		}
		return len(sleepers)+len(shells) == 0
	})
}

// kill holds the process before it looks again whether it is one of the forest: its number may be a stranger's by now.
func (f *forest) kill(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it is gone
	}
	defer func() { _ = unix.Close(fd) }()
	if args := arguments(pid); f.isSleeper(args) || f.isShell(args) {
		_ = unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0)
	}
}

// poll looks until something is so. Each look reads all of /proc, which on a small machine is not for nothing.
func poll(ctx context.Context, limit time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %v", limit))
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
