package durable_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly/internal/testproc"
)

// A process is what /proc tells. Where there is no /proc there are no guards.
type process struct {
	pid     int
	dir     string
	name    string // comm
	args    []string
	environ []string
	state   string // R, S, Z ...
	parent  int
	session int
}

// look returns false if there is no such process, or a zombie: it is gone, but for somebody who reaps it.
func look(pid int) (process, bool) {
	p := process{pid: pid, dir: filepath.Join("/proc", strconv.Itoa(pid))}
	stat, err := os.ReadFile(filepath.Join(p.dir, "stat"))
	if err != nil {
		return p, false
	}
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[to+1:]))
	p.name, p.state = string(stat[from+1:to]), fields[0]
	p.parent, _ = strconv.Atoi(fields[1])
	p.session, _ = strconv.Atoi(fields[3])
	args, _ := os.ReadFile(filepath.Join(p.dir, "cmdline"))
	p.args = strings.Split(strings.TrimSuffix(string(args), "\x00"), "\x00")
	environ, _ := os.ReadFile(filepath.Join(p.dir, "environ"))
	p.environ = strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
	return p, p.state != "Z" && p.state != "X"
}

// descriptors are what a process has open: number and what it is.
func (p process) descriptors() map[int]string {
	open := make(map[int]string)
	entries, _ := os.ReadDir(filepath.Join(p.dir, "fd"))
	for _, e := range entries {
		n, _ := strconv.Atoi(e.Name())
		open[n], _ = os.Readlink(filepath.Join(p.dir, "fd", e.Name()))
	}
	return open
}

// guards are the guards whose owner has its journal here.
func (s *state) guards() []process {
	entries, _ := os.ReadDir("/proc")
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, alive := look(pid); alive && p.guards(s.dir) {
			found = append(found, p)
		}
	}
	return found
}

// guards reports whether this process is the guard of a journal in the folder.
func (p process) guards(dir string) bool {
	for _, v := range p.environ {
		if of, ok := strings.CutPrefix(v, "LASTLY_GUARD_OF="); ok && strings.Contains(of, " "+dir+"/") {
			return true
		}
	}
	return false
}

// guard waits for the one guard of an owner, until it waits.
func (s *state) guard(owner int) process {
	s.t.Helper()
	var found []process
	testproc.Poll(s.t, "a guard of process "+strconv.Itoa(owner)+" that waits", func() bool {
		found = found[:0]
		for _, g := range s.guards() {
			if g.parent == owner {
				found = append(found, g)
			}
		}
		return len(found) == 1 && found[0].waits()
	})
	return found[0]
}

// waits reports whether a guard waits for its owner's death: its main thread is in ppoll(2), without a timeout.
func (p process) waits() bool {
	text, _ := os.ReadFile(filepath.Join(p.dir, "syscall"))
	call := strings.Fields(string(text)) // number, descriptors, how many, timeout ...
	return p.name == "lastly-guard" && p.state == "S" && len(call) > 3 && call[0] == strconv.Itoa(syscall.SYS_PPOLL) && call[3] == "0x0"
}

// checkNoGuards is what has to hold after each test.
func (s *state) checkNoGuards() {
	s.t.Helper()
	testproc.Poll(s.t, "the end of all guards", func() bool { return len(s.guards()) == 0 })
}
