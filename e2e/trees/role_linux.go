package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A role is what this program is when it is started again: it runs the command of its arguments.
type role string

const (
	roleOwner role = "owner" // lastly's row
	roleLoop  role = "loop"
)

const (
	roleVariable  = "LASTLY_TREES_ROLE"
	graceVariable = "LASTLY_TREES_GRACE" // a duration
)

// becomeRole does not return if this process is to be one.
func becomeRole() {
	r := role(os.Getenv(roleVariable))
	_ = os.Unsetenv(roleVariable)
	switch r {
	case roleOwner:
		lastly.Main(own)
	case roleLoop:
		os.Exit(loop(os.Args[1:]))
	}
}

// own is what any program does that runs a command with resource.Start.
func own(ctx context.Context) error {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	grace, err := time.ParseDuration(os.Getenv(graceVariable))
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.WaitDelay = os.Stdin, grace
	p, err := resource.Start(lastly.Process(), cmd)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
		return p.Wait()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop is what a careful program does that has read about subreapers, without a second process: when it gets SIGTERM or the command
// has ended, it kills its children until there are none.
func loop(words []string) int {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin = os.Stdin
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ended := make(chan struct{})
	go func() { // ends with the command
		_ = cmd.Wait()
		close(ended)
	}()
	select {
	case <-terms:
		_ = cmd.Process.Kill()
		<-ended
	case <-ended:
	}
	for {
		for _, pid := range children(os.Getpid()) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return 0
		}
	}
}
