package matrix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A wrap is what a process of a row does before it plays its role: what makes its surroundings another container's, or
// those of the next boot.
type wrap struct {
	Cgroup string `json:"cgroup,omitempty"` // join it
	Proc   bool   `json:"proc,omitempty"`   // a PID namespace of its own, with its /proc
	Boot   string `json:"boot,omitempty"`   // a file: the boot id from now on
}

// around lets a command be started in the namespaces that its wrap needs. They belong to a user namespace of their own
// where this user may not make others.
func (w *wrap) around(cmd *exec.Cmd) {
	if !w.Proc && w.Boot == "" {
		return
	}
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if w.Proc {
		attr.Cloneflags |= syscall.CLONE_NEWPID
	}
	if uid, gid := os.Geteuid(), os.Getegid(); !isAdmin() {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attr.AmbientCaps = []uintptr{capSysAdmin}
	}
	cmd.SysProcAttr = attr
}

const capSysAdmin = 21

// isAdmin reports whether this process may mount, and make namespaces.
func isAdmin() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && caps&(1<<capSysAdmin) != 0
		}
	}
	return false
}

// Privileged reports whether this process may have everything that the matrix needs, if the machine has it: it is root, and
// not confined to a container.
func Privileged() bool { return os.Geteuid() == 0 && isAdmin() }

// enter does what the wrap says, and starts the program over in its role.
func (p part) enter() error {
	w := p.Wrap
	if w.Cgroup != "" {
		if err := os.WriteFile(filepath.Join(w.Cgroup, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("join the cgroup: %w", err)
		}
	}
	if w.Proc || w.Boot != "" {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("keep mounts private: %w", err)
		}
	}
	if w.Proc {
		if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			return fmt.Errorf("mount /proc: %w", err)
		}
	}
	if w.Boot != "" {
		if err := syscall.Mount(w.Boot, bootID, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("have another boot id: %w", err)
		}
	}
	p.Wrap = nil
	cmd, err := p.command(p.Role)
	if err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", cmd.Args, cmd.Env)
}

const bootID = "/proc/sys/kernel/random/boot_id"

// impossible says why this user can't have a wrap here: it tries.
func (w wrap) impossible() string {
	if w.Boot != "" {
		w.Boot = bootID // itself
	}
	p := part{Row: "a try", Role: roleTry, Wrap: &w}
	cmd, err := p.command(roleTry)
	if err != nil {
		return err.Error()
	}
	w.around(cmd)
	text, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return ""
	case len(text) > 0:
		return strings.TrimPrefix(strings.TrimSpace(string(text)), "matrix: ")
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok { // of which program helps nobody
		err = p.Err
	}
	return "no namespaces for this user: " + err.Error()
}
