package action

import (
	"os/exec"
	"syscall"
)

// sigCont has no equal here: it is checked for life only.
const sigCont = syscall.Signal(0)

// groupOf finds no groups: there are none.
func groupOf(int) int { return 0 }

// detach gives a command a console process group. Its end is that of the process alone, not of its children.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}
