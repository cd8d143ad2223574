//go:build !unix

package testproc

import (
	"os"
	"os/exec"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return nil }

func killAll(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func askForStacks(*os.Process) {}

func deathSignal(*os.ProcessState) (string, bool) { return "", false }

func keepToOneself() {}

func prepare() {}
