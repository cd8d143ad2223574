package proc

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
)

// EachMarked calls each with every process of this PID namespace, and of those inside of it, that was started with the
// variable in its environment, and the value in its list: values are separated by colons, so that a marked process can add
// a mark for its own children. each is called the moment the process is found, highest numbers first. It returns true to keep the
// Process, and close it later; else that is closed for it.
//
// It sees the environment that a process was started with, where the process keeps it, and only of processes that it may
// look into (ptrace(2), "ptrace access mode checking"). So it misses those that were started without the variable, that run
// as somebody else, or that write over their environment to show a status (setproctitle). A process between fork and exec may
// still have its parent's: what was started a moment ago may be found a moment later.
func EachMarked(variable, value string, each func(*Process) (keep bool)) error {
	numbers, err := processes()
	if err != nil {
		return err
	}
	for _, pid := range slices.Backward(numbers) {
		if !bears(pid, variable, value) {
			continue
		}
		p, err := marked(pid, variable, value)
		switch {
		case errors.Is(err, ErrGone):
		case err != nil:
			return err
		case !each(p):
			_ = p.Close()
		}
	}
	return nil
}

// marked holds a process that seemed to be marked. The mark is read again while the process is held, and the process lives
// after that: so it was the process's.
func marked(pid int, variable, value string) (*Process, error) {
	p, err := openPid(pid)
	if err != nil {
		return nil, err
	}
	err = ErrGone
	if bears(pid, variable, value) {
		err = p.alive()
	}
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// bears reports whether the process was started with the variable. What can't be read was not.
func bears(pid int, variable, value string) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil || !strings.Contains(string(environ), value) {
		return false
	}
	for entry := range strings.SplitSeq(string(environ), "\x00") {
		if list, ok := strings.CutPrefix(entry, variable+"="); ok && slices.Contains(strings.Split(list, ":"), value) {
			return true
		}
	}
	return false
}

// processes returns the numbers of all processes of this PID namespace that /proc shows.
func processes() ([]int, error) {
	ours, err := procIsOurs()
	if err == nil && !ours {
		err = errOtherProc
	}
	if err != nil {
		return nil, err
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	var numbers []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, pid)
		}
	}
	slices.Sort(numbers)
	return numbers, err
}
