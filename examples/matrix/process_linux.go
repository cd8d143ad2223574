package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// roleGuard is what a guard is found as: it inherits its owner's part.
const roleGuard = "guard"

// A process is one of a row, as it was found.
type process struct {
	pid   int
	start string // field 22 of proc_pid_stat(5): with the pid, it identifies the process
	role  string
}

// lives reports whether the process runs. A zombie does not: that nobody waited for it is its parent's fault.
func (p process) lives() bool {
	start, state := stat(p.pid)
	return start == p.start && start != "" && state != "Z" && state != "X"
}

// kill ends the process, and nobody who got its number.
func (p process) kill() error {
	h, err := os.FindProcess(p.pid)
	if err != nil {
		return err
	}
	defer func() { _ = h.Release() }()
	if !p.lives() { // looked at after it is held
		return os.ErrProcessDone
	}
	return h.Kill()
}

// stat returns when a process was started, and its state; "" if there is none.
func stat(pid int) (start, state string) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return "", ""
	}
	return fields[19], fields[0]
}

// processesOf finds all living processes of a row, wherever they escaped to: by their part, which they inherited.
func processesOf(row string) []process {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []process
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(env, []byte(row)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		start, _ := stat(pid)
		p := process{pid: pid, start: start, role: roleIn(env, row)}
		if p.role == "" || !p.lives() {
			continue
		}
		if isGuard(pid) {
			p.role = roleGuard
		}
		found = append(found, p)
	}
	return found
}

func roleIn(env []byte, row string) string {
	for v := range bytes.SplitSeq(env, []byte{0}) {
		text, ok := bytes.CutPrefix(v, []byte(partVariable+"="))
		var p part
		if ok && json.Unmarshal(text, &p) == nil && p.Row == row {
			return p.Role
		}
	}
	return ""
}

func isGuard(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.HasPrefix(string(line), "lastly-guard")
}

// ended words how a process ended, as lastly's reports do.
func ended(s *os.ProcessState) string {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return "signal " + ws.Signal().String()
	}
	return fmt.Sprintf("exit %d", s.ExitCode())
}
