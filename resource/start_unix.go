//go:build unix

package resource

import (
	"os"
	"os/exec"
	"syscall"

	"github.com/lastly-go/lastly/internal/tty"
)

// ownGroup gives a command a process group, unless it is to have something else, and reports whether it leads one.
func ownGroup(cmd *exec.Cmd) bool {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !readsTerminal(cmd)}
	}
	attr := cmd.SysProcAttr
	return attr.Setsid || attr.Setpgid && attr.Pgid == 0
}

// readsTerminal reports whether a command is to read from a terminal, which the kernel allows the foreground group only: in
// a group of its own it would be stopped.
func readsTerminal(cmd *exec.Cmd) bool {
	f, ok := cmd.Stdin.(*os.File)
	return ok && tty.Is(f)
}

// signalGroup sends a signal to the process group that a child leads, unless it was waited for.
func signalGroup(leader *os.Process, sig syscall.Signal) {
	if leader.Signal(syscall.Signal(0)) == nil {
		_ = syscall.Kill(-leader.Pid, sig)
	}
}

func exitError(name string, state *os.ProcessState) error {
	if status, ok := state.Sys().(syscall.WaitStatus); ok {
		return statusError(name, status)
	}
	return &ExitError{Command: name, Code: state.ExitCode()}
}

// statusError is nil for exit status 0.
func statusError(name string, status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		return &ExitError{Command: name, Code: -1, Signal: status.Signal()}
	case status.ExitStatus() != 0:
		return &ExitError{Command: name, Code: status.ExitStatus()}
	}
	return nil
}

// leadsGroup reports whether a process leads its process group.
func leadsGroup(pid int) bool {
	group, err := syscall.Getpgid(pid)
	return err == nil && group == pid
}
