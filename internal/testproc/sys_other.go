//go:build !unix

package testproc

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return nil }

func askForStacks(*os.Process) {}

func deathSignal(*os.ProcessState) (string, bool) { return "", false }

func prepare() {}
