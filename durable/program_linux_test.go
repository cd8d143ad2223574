package durable_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// built is the program in testdata, which is small, and no test. See its comment.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv("LASTLY_DIR"), "program") // which TestMain removes
	cmd := exec.Command("go", "build", "-o", path, "./testdata/program")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return path, nil
})

// A run is one run of the program.
type run struct {
	*exec.Cmd

	state *state
	ran   string // the file in which it tells that it ran
	out   *os.File
	err   bytes.Buffer
}

// public makes the folder of a state belong to another user, and everybody able to get there.
func (s *state) public(uid int) {
	s.t.Helper()
	temp, err := os.MkdirTemp("", "lastly-public-")
	fatal(s.t, err)
	s.t.Cleanup(func() { _ = os.RemoveAll(temp) })
	fatal(s.t, os.Chmod(temp, 0o777))
	s.dir, s.log = filepath.Join(temp, "state"), filepath.Join(temp, "log")
	s.env = []string{"LASTLY_DIR=" + s.dir}
	fatal(s.t, os.Mkdir(s.dir, 0o700))
	fatal(s.t, os.Chown(s.dir, uid, uid))
}

// program starts the program with these modes, on the file "path" beside the folder.
func (s *state) program(modes string) *run {
	s.t.Helper()
	return s.programAt(builtOrSkip(s.t), modes)
}

func builtOrSkip(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Skip("no program can be built here: ", err)
	}
	return path
}

func (s *state) programAt(path, modes string) *run {
	s.t.Helper()
	r, w, err := os.Pipe()
	fatal(s.t, err)
	ran := s.beside("ran")
	fatal(s.t, os.WriteFile(ran, nil, 0o600))
	fatal(s.t, os.Chmod(ran, 0o666))
	p := &run{Cmd: exec.Command(path, "-mode", modes, "-path", s.beside("path")), state: s, ran: ran, out: r}
	p.Env = append(os.Environ(), append(s.env, "PROGRAM_RAN="+ran)...)
	p.Stdout, p.Stderr = w, &p.err
	p.WaitDelay = testproc.Limit
	fatal(s.t, p.Start())
	_ = w.Close()
	s.t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		_ = r.Close()
	})
	return p
}

// ready waits for the program's word.
func (p *run) ready() {
	p.state.t.Helper()
	text := make([]byte, 100)
	n, _ := p.out.Read(text)
	if string(text[:n]) != "ready\n" {
		p.state.t.Fatalf("the program says %q", text[:n])
	}
}

func (p *run) kill() {
	p.state.t.Helper()
	fatal(p.state.t, p.Process.Kill())
	_ = p.Wait()
}

// checkRan checks how often main began.
func (p *run) checkRan(times int) {
	p.state.t.Helper()
	lines := strings.Join(readLines(p.ran), " ")
	if strings.Count(lines, "main") != times || strings.Count(lines, "variable") != times {
		p.state.t.Errorf("ran: %s; want main, and the package's variables, %d times", lines, times)
	}
}

func TestGuardOfOtherUser(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	s := newState(t)
	s.public(65534)
	fatal(t, os.WriteFile(s.beside("path"), nil, 0o666))
	fatal(t, os.Chown(s.beside("path"), 65534, 65534))
	p := s.program("seteuid,remove,hang")
	p.ready()
	testproc.Linger(200 * tick) // for what must not happen
	p.checkRan(1)
	p.kill()
	p.checkRan(1)
}

// TestGuardMemory [issue: at most 4 MB]: what nobody else shares, while it waits.
func TestGuardMemory(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.file("path")
	p := s.program("remove,hang")
	p.ready()
	g := s.guard(p.Process.Pid)
	if private := g.privateMemory(t); private > 4<<20 {
		t.Errorf("the guard has %d KB of private memory", private>>10)
	} else {
		t.Logf("private memory: %d KB", private>>10)
	}
	p.kill()
	s.waitEmpty()
	p.checkRan(1)
	if exists(s.beside("path")) {
		t.Error("the path is still there")
	}
}

func (p process) privateMemory(t *testing.T) (bytes int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "smaps_rollup"))
	fatal(t, err)
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == "Private_Dirty" || name == "Private_Clean" {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			fatal(t, err)
			bytes += n << 10
		}
	}
	return bytes
}

// TestExec: a process that becomes another program is dead, as far as its records go.
func TestExec(t *testing.T) {
	t.Parallel()
	for _, modes := range []string{"remove,exec-sleep", "remove,exec-self"} {
		s := newState(t)
		path := s.file("path")
		p := s.program(modes)
		testproc.Poll(t, "a report", func() bool { return len(s.reports()) > 0 })
		s.waitEmpty()
		if exists(path) || syscall.Kill(p.Process.Pid, 0) != nil {
			t.Errorf("%s: the path is still there, or the process is not", modes)
		}
		if r := s.oneReport().Journals[0]; r.Died != "became another program" || r.Records[0].Outcome != "settled" {
			t.Errorf("%s: %+v", modes, r)
		}
	}
}

// TestOwnerClosesEverything: a program that closes descriptors that are not its own loses its lock and its guard's socket,
// but it lives; also when its executable was replaced meanwhile.
func TestOwnerClosesEverything(t *testing.T) {
	t.Parallel()
	for _, modes := range []string{"remove,close-all,hang", "remove,delete-self,close-all,hang"} {
		t.Run(modes, func(t *testing.T) {
			t.Parallel()
			s := newState(t)
			path := s.file("path")
			copied := s.beside("program")
			fatal(t, os.Link(builtOrSkip(t), copied))
			p := s.programAt(copied, modes)
			p.ready()
			testproc.Linger(50 * tick) // for what must not happen
			r := s.recover(durable.Options{})
			if !exists(path) || len(r.Journals) != 1 || r.Journals[0].State != durable.Alive {
				t.Fatalf("settled while the owner lives, or not seen as alive: %v\n%s", r, p.err.String())
			}
			if len(s.guards()) == 0 {
				t.Error("the guard is gone")
			}
			p.kill()
			s.waitEmpty()
			if exists(path) {
				t.Error("the path is still there")
			}
		})
	}
}

// TestNotReady: before Init or Main, a guard could not settle Go kinds; built-in ones it can.
func TestNotReady(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.file("path")
	p := s.program("go-kind,remove,hang")
	p.ready()
	s.guard(p.Process.Pid)
	p.kill()
	want := durable.ErrNotReady.Error() + ", so no other process could settle it; call durable.Init() first in main"
	if !strings.Contains(p.err.String(), want) {
		t.Errorf("the error should have %q: %s", want, p.err.String())
	}
	s.waitEmpty()
	if exists(path) {
		t.Error("the path is still there")
	}
	p.checkRan(1)
}

// TestGoKindNeedsTheProgram: for it, and only for it, the guard becomes the program up to Init.
func TestGoKindNeedsTheProgram(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.file("path")
	p := s.program("init,go-kind,remove,hang")
	p.ready()
	p.checkRan(1)
	p.kill()
	s.waitEmpty()
	p.checkRan(2)
	if lines := readLines(p.ran); exists(path) || lines[len(lines)-1] != "settle" {
		t.Errorf("ran: %q", lines)
	}
}
