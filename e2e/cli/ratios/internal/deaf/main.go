// Deaf runs a command as the shortest Go program does: with package exec, and with the command's exit status. A signal ends it, and not the
// command.
package main

import (
	"errors"
	"os"
	"os/exec"
)

const cannotRun = 125

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case ok:
		os.Exit(exit.ExitCode())
	case err != nil:
		os.Exit(cannotRun)
	}
}
