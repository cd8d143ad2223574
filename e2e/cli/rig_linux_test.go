package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/e2e/internal/real"
	"github.com/lastly-go/lastly/internal/testproc"
)

// markVariable is in the environment of everything that a rig starts, with a value of its own, by which what is left is found.
const markVariable = "CLI_TEST_MARK"

// limit is how long one process may take, and one wait for something: much more than any should, on a busy machine.
const limit = 30 * time.Second

// A rig starts commands behind one tool.
type rig struct {
	t      testing.TB
	prefix []string // the tool
	dir    string   // where commands start; empty at first
	env    []string
	mark   string
}

func newRig(t testing.TB, prefix []string) *rig {
	t.Helper()
	r := &rig{t: t, prefix: prefix, dir: t.TempDir()}
	r.mark = fmt.Sprintf("%s=%d.%d", markVariable, os.Getpid(), time.Now().UnixNano())
	r.env = append(os.Environ(), "LASTLY_DIR="+t.TempDir(), "TMPDIR="+t.TempDir(), "LC_ALL=C", "PATH="+os.Getenv("PATH"), r.mark)
	t.Cleanup(r.killAll) // also of a tool that is known to leave things, nothing may stay
	return r
}

// with returns the command line of a command behind the tool.
func (r *rig) with(argv ...string) []string {
	return append(r.prefix[:len(r.prefix):len(r.prefix)], argv...)
}

// program writes one into the folder where commands start. Nothing is started meanwhile: it would have the file open for writing until
// it has executed its own, and who executes this one would get "text file busy".
func (r *rig) program(name, text string) (path string) {
	r.t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	path = filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// A result is what is left of a process.
type result struct {
	out, err string
	code     int // 128+n after death by signal n, as a shell has it
}

func (res result) String() string {
	return fmt.Sprintf("exit status %d, stdout %q, stderr %q", res.code, res.out, res.err)
}

// run runs a command behind the tool.
func (r *rig) run(argv ...string) result {
	r.t.Helper()
	return r.start(r.with(argv...), nil).wait()
}

// sh runs a script of the shell, in which "$@" is the tool.
func (r *rig) sh(script string) result {
	r.t.Helper()
	return r.start(r.script(script), nil).wait()
}

func (r *rig) script(script string) []string {
	return append([]string{"sh", "-c", script, "sh"}, r.prefix...)
}

// A proc is a running process, usually of the tool. What it and its children write goes to files, because a pipe would be held
// open by what it leaves behind.
type proc struct {
	t       testing.TB
	cmd     *exec.Cmd
	out     string
	err     string
	done    chan struct{}
	release context.CancelFunc
}

// start starts a command line as it is. The command may be changed by set before.
func (r *rig) start(argv []string, set func(*exec.Cmd)) *proc {
	r.t.Helper()
	ctx, release := context.WithTimeout(context.Background(), 3*limit)
	p := &proc{t: r.t, done: make(chan struct{}), release: release}
	p.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Env = r.dir, r.env
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	folder := r.t.TempDir()
	p.out, p.err = filepath.Join(folder, "out"), filepath.Join(folder, "err")
	out, err := os.Create(p.out)
	if err != nil {
		r.t.Fatal(err)
	}
	defer out.Close()
	errs, err := os.Create(p.err)
	if err != nil {
		r.t.Fatal(err)
	}
	defer errs.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	if set != nil {
		set(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		r.t.Fatalf("%q: %v", argv, err)
	}
	go func() { // ends with the process, which the context bounds
		_ = p.cmd.Wait()
		close(p.done)
	}()
	r.t.Cleanup(func() { release(); <-p.done })
	return p
}

func (p *proc) output() string {
	text, err := os.ReadFile(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// waitLine waits for a line of stdout that begins so, and returns the rest of it.
func (p *proc) waitLine(prefix string) (rest string) {
	p.t.Helper()
	found := false
	poll(p.t, fmt.Sprintf("a line %q", prefix), func() bool {
		gone := p.gone()
		for line := range strings.Lines(p.output()) {
			if rest, found = strings.CutPrefix(line, prefix); found && strings.HasSuffix(rest, "\n") {
				rest = strings.TrimSpace(rest)
				return true
			}
		}
		return gone
	})
	if !found {
		p.t.Fatalf("it ended without the line %q: %v", prefix, p.wait())
	}
	return rest
}

// pid waits for a line "pid NUMBER" of stdout.
func (p *proc) waitPid(prefix string) int {
	p.t.Helper()
	pid, err := strconv.Atoi(p.waitLine(prefix))
	if err != nil {
		p.t.Fatal(err)
	}
	return pid
}

func (p *proc) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *proc) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("send %v: %v: %v", sig, err, p.wait())
	}
}

// wait waits for the end of the process itself. What it started may live on.
func (p *proc) wait() result {
	p.t.Helper()
	<-p.done
	errs, err := os.ReadFile(p.err)
	if err != nil {
		p.t.Fatal(err)
	}
	res := result{out: p.output(), err: string(errs), code: p.cmd.ProcessState.ExitCode()}
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		res.code = 128 + int(ws.Signal())
	}
	return res
}

// alive are the processes that bear the rig's mark.
func (r *rig) alive() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range all {
		env, _ := os.ReadFile(file) // of somebody else's, or of one that is gone: not of this rig
		if bytes.Contains(env, []byte(r.mark+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// killAll ends what is left, and waits until it is gone: folders are removed next, and a guard would make its own anew.
func (r *rig) killAll() {
	within(limit, 5*time.Millisecond, func() bool {
		left := r.alive()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return len(left) == 0
	})
}

// names says what the processes are.
func names(pids []int) (all []string) {
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		all = append(all, fmt.Sprintf("%d: %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return all
}

// nothingLeft fails if processes live on. A moment ago they may have been killed, and who is killed has to get the processor once more
// to die: on a busy machine, that takes its time.
func (r *rig) nothingLeft() {
	r.t.Helper()
	if !within(5*time.Second, 10*time.Millisecond, func() bool { return len(r.alive()) == 0 }) {
		r.t.Errorf("still there: %q", names(r.alive()))
	}
}

func poll(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !within(limit, 5*time.Millisecond, ok) {
		t.Fatalf("waited %v for %s", limit, what)
	}
}

// within asks again and again until the answer is yes, or the time is over.
func within(limit, every time.Duration, ok func() bool) bool {
	for end := time.Now().Add(limit); !ok(); testproc.Linger(every) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// state is a process's state letter, or "" if it is gone.
func state(pid int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	if rest == "" {
		return ""
	}
	return rest[:1]
}

// binary is the command, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	file := filepath.Join(os.Getenv(folderVariable), "lastly")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Dir = filepath.Join("..", "..", "cmd", "lastly")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return file, nil
})

// folderVariable is where the tests of one run keep what is made once.
const folderVariable = "CLI_TEST_FOLDER"

func lastly(t testing.TB) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMain makes a folder for the binary, and one for journals, and wants no process of the command to be left.
func TestMain(m *testing.M) {
	os.Exit(testproc.OwnFolder(func() int {
		folder, err := os.MkdirTemp("", "lastly-cli-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		defer os.RemoveAll(folder)
		_ = os.Setenv(folderVariable, folder)
		code := testproc.Main(m)
		if !within(limit, 20*time.Millisecond, func() bool { return len(ofBinary(folder)) == 0 }) {
			fmt.Fprintf(os.Stderr, "lastly's own processes are still there: %q\n", names(ofBinary(folder)))
			return max(code, 1)
		}
		return code
	}))
}

// ofBinary are the processes of the command that was built for the tests: also those that bear no mark, as the inner ones.
func ofBinary(folder string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range all {
		if file, _ := os.Readlink(link); strings.HasPrefix(file, filepath.Join(folder, "lastly")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// A tool stands in front of a command.
type tool struct {
	name string // also its column in docs/run.md
	argv func(testing.TB) []string
}

func debian(name, program, debianPackage string, args ...string) tool {
	return tool{name, func(t testing.TB) []string {
		return append([]string{real.Need(t, program, debianPackage)}, args...)
	}}
}

// bare is none at all: what the terminal's cases ask for is what a command does by itself.
var bare = tool{"no tool", func(testing.TB) []string { return []string{"env"} }}

var tools = []tool{
	{"lastly run", func(t testing.TB) []string { return []string{lastly(t), "run", "--"} }},
	debian("tini -s", "tini", "tini", "-s", "--"),
	debian("dumb-init", "dumb-init", "dumb-init", "--"),
	debian("catatonit", "catatonit", "catatonit", "--"),
	debian("timeout", "timeout", "coreutils", "1h"),
}
