//go:build unix

package action

import (
	"os/exec"
	"syscall"
)

const sigCont = syscall.SIGCONT

// groupOf is the process group of a process; 0 if there is none.
func groupOf(pid int) int {
	group, err := syscall.Getpgid(pid)
	if err != nil {
		return 0
	}
	return group
}

// detach gives a command a session of its own: a process group that can be killed as one, and no terminal, so that nothing
// can ask for a password and wait for ever.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			return err // os.ErrProcessDone: it was waited for, and its number can be another's
		}
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
