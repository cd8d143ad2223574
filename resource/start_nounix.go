//go:build !unix

package resource

import (
	"os"
	"os/exec"
)

func ownGroup(*exec.Cmd) bool { return false }

func exitError(name string, state *os.ProcessState) error {
	return &ExitError{Command: name, Code: state.ExitCode()}
}
