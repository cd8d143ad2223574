//go:build !unix

package resource

import (
	"os"
	"os/exec"
	"syscall"
)

func ownGroup(*exec.Cmd) bool { return false }

func signalGroup(leader *os.Process, sig syscall.Signal) { _ = leader.Signal(sig) }

func exitError(name string, state *os.ProcessState) error {
	return &ExitError{Command: name, Code: state.ExitCode()}
}
