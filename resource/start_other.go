//go:build !linux

package resource

import (
	"os/exec"
	"runtime"
)

func (p *Process) launch(cmd *exec.Cmd) (tree, error) {
	return p.launchDirect(cmd, "there are none on "+runtime.GOOS)
}
