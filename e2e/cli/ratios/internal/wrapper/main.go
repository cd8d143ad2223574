//go:build unix

// Wrapper runs a command as the plainest Go program does that stands in front of one: with package exec, with signals passed on, and
// with the command's exit status. It is what `lastly run` is compared with.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const cannotRun = 125

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "wrapper:", err)
		os.Exit(cannotRun)
	}
	go func() { // ends with the process
		for sig := range signals {
			_ = cmd.Process.Signal(sig) // an error says that it has ended
		}
	}()
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case ok:
		os.Exit(exit.ExitCode())
	case err != nil:
		os.Exit(cannotRun)
	}
}
