package proc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// EachMarked calls each with every process of this PID namespace, and of those inside of it, that was started with the
// variable in its environment, and the value in its list: values are separated by colons, so that a marked process can add
// a mark for its own children. each is called once with each, the moment that it is found. It returns true to keep the
// Process, and close it later; else that is closed for it. When EachMarked calls it with nobody, nobody is left, also of a
// chain of processes each of which starts the next one and exits (see everybody).
//
// It sees the environment that a process was started with, where the process keeps it, and only of processes that it may
// look into (ptrace(2), "ptrace access mode checking"). So it misses those that were started without the variable, that run
// as somebody else, or that write over their environment to show a status (setproctitle). Between fork and exec a process
// may still have its parent's: what an unmarked one has started a moment ago may be found a moment later.
func EachMarked(variable, value string, each func(*Process) (keep bool)) error {
	m := mark{variable: variable, value: value, buf: make([]byte, 8<<10)}
	met := make(map[ID]bool)
	return everybody(func(pid int) error {
		if !m.isBorne(pid) {
			return nil
		}
		p, err := m.hold(pid)
		switch {
		case errors.Is(err, ErrGone):
			return nil
		case err != nil:
			return err
		case met[p.id] || !each(p):
			_ = p.Close()
		}
		met[p.id] = true
		return nil
	})
}

// A mark is what EachMarked looks for.
type mark struct {
	variable, value string
	buf             []byte // for environments
}

// hold holds a process that seemed to be marked. The mark is read again while the process is held, and the process lives
// after that: so it was the process's.
func (m *mark) hold(pid int) (*Process, error) {
	p, err := openPid(pid)
	if err != nil {
		return nil, err
	}
	err = ErrGone
	if m.isBorne(pid) {
		err = p.alive()
	}
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// isBorne reports whether the process was started with the mark. What can't be read was not.
func (m *mark) isBorne(pid int) bool {
	text := m.environ("/proc/" + strconv.Itoa(pid))
	if !bytes.Contains(text, []byte(m.value)) {
		return false
	}
	for entry := range strings.SplitSeq(string(text), "\x00") {
		if list, ok := strings.CutPrefix(entry, m.variable+"="); ok && slices.Contains(strings.Split(list, ":"), m.value) {
			return true
		}
	}
	return false
}

// How long a process is waited for that is executing a program: between two programs it has no environment. It is a tenth of
// a millisecond where there are enough processors.
const (
	execTries = 2000
	execPause = 500 * time.Microsecond
)

// environ returns the environment that a process was started with; nothing when it has none, or when it can't be read.
func (m *mark) environ(dir string) []byte {
	for range execTries {
		text, unreadable := m.read(dir + "/environ")
		if len(text) > 0 {
			return text
		}
		fields, err := readStat(dir)
		switch {
		case err != nil || hasFlag(fields, kernelThread) || hasFlag(fields, exiting) && fields[statThreads] == "1":
			return nil
		case hasFlag(fields, exiting): // the main thread, in whose place comes another one that executes a program; or just so
			if text, err := m.environOfThreads(dir); len(text) > 0 || errors.Is(err, fs.ErrPermission) {
				return text
			}
		case unreadable != nil && !errors.Is(unreadable, syscall.ESRCH): // which some kernels say where others say nothing
			return nil
		case fields[statEnvStart] == fields[statEnvEnd] && m.endsStrings(dir, fields[statEnvEnd]):
			return nil
		}
		time.Sleep(execPause)
	}
	return nil
}

// endsStrings reports whether an address is where a process's arguments and environment end: there follows the name of its
// program. While the kernel fills in both, it shows an environment that is empty.
func (m *mark) endsStrings(dir, address string) bool {
	const name = 31 // AT_EXECFN of getauxval(3)
	at, err := strconv.ParseUint(address, 10, 64)
	if err != nil || at == 0 { // nothing is filled in yet
		return false
	}
	vector, err := m.read(dir + "/auxv")
	wide := binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, name), at)
	narrow := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, name), uint32(at))
	return err != nil || bytes.Contains(vector, wide) || at <= math.MaxUint32 && bytes.Contains(vector, narrow)
}

// environOfThreads is environ for a process whose main thread has ended.
func (m *mark) environOfThreads(dir string) (text []byte, err error) {
	tasks, err := os.ReadDir(dir + "/task")
	for _, task := range tasks {
		if task.Name() == filepath.Base(dir) {
			continue
		}
		if text, err = m.read(dir + "/task/" + task.Name() + "/environ"); len(text) > 0 {
			break
		}
	}
	return text, err
}

// read reads a file of proc(5) in one call, so that all of it is of one moment: an environment that is read in parts ends
// where the process has executed another program meanwhile. It is good until the next one is read.
func (m *mark) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	for {
		n, err := f.Read(m.buf)
		if err == io.EOF {
			err = nil
		}
		if err != nil || n < len(m.buf) {
			return m.buf[:n], err
		}
		m.buf = make([]byte, 8*len(m.buf))
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
}
