//go:build unix

package lastly_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// A death is a row of the table in docs/deaths.md, and proves it: the victim of that name is started and really dies so.
type death struct {
	name  string
	hooks string // "all", "none", or which
	ends  string // how the process ends, as testproc.Result has it

	kill   syscall.Signal                       // sent when the victim has said that it is ready
	script func(t *testing.T, p *testproc.Proc) // what to do with it instead
	start  func(t *testing.T) *testproc.Proc    // how to start it, when that is special
	err    []string                             // what stderr tells
}

// What the page says of the hooks.
const (
	allHooks     = "all"
	noHooks      = "none"
	startedHooks = "those that had started"
)

// deaths are [conformance N3] and more.
var deaths = []death{
	{name: "return-nil", hooks: allHooks, ends: "exit 0"},
	{name: "return-error", hooks: allHooks, ends: "exit 1", err: []string{"own error"}},
	{name: "return-exit-error", hooks: allHooks, ends: "exit 3", err: []string{"exit status 3"}},
	{name: "panic-in-run", hooks: allHooks, ends: "exit 2", err: []string{"panic: boom", "lastly_test.explode("}},
	{name: "nil-dereference-in-run", hooks: allHooks, ends: "exit 2", err: []string{"nil pointer dereference", "lastly_test.dereference("}},
	{name: "goexit-in-run", hooks: allHooks, ends: "exit 1", err: []string{"runtime.Goexit"}},
	{
		name: "run-does-not-return", hooks: allHooks, ends: "signal terminated",
		kill: syscall.SIGTERM, err: []string{`hook "run"`, "abandoned", "lastly_test.forever("},
	},

	{name: "error-in-hook", hooks: allHooks, ends: "exit 1", err: []string{`hook "between"`, "own error"}},
	{name: "panic-in-hook", hooks: allHooks, ends: "exit 1", err: []string{`hook "between"`, "panic: boom", "lastly_test.explode("}},
	{name: "goexit-in-hook", hooks: allHooks, ends: "exit 1", err: []string{`hook "between"`, "runtime.Goexit"}},
	{name: "hook-hangs", hooks: allHooks, ends: "exit 1", err: []string{`hook "between"`, "abandoned", "lastly_test.forever("}},
	{name: "error-in-go", hooks: allHooks, ends: "exit 1", err: []string{`hook "worker"`, "own error"}},
	{name: "panic-in-go", hooks: allHooks, ends: "exit 1", err: []string{`hook "worker"`, "panic: boom", "lastly_test.explode("}},

	{name: "exit-in-run", hooks: allHooks, ends: "exit 3"},
	{name: "exit-in-goroutine", hooks: allHooks, ends: "exit 3"},
	{name: "exit-in-handler", hooks: allHooks, ends: "exit 3"},
	{name: "exit-in-hook", hooks: allHooks, ends: "exit 3"},
	{name: "exit-in-go", hooks: allHooks, ends: "exit 3"},
	{name: "exit-without-main", hooks: allHooks, ends: "exit 3"},
	{name: "exit-before-main", hooks: allHooks, ends: "exit 3"},
	{name: "fatal", hooks: allHooks, ends: "exit 1", err: []string{"fatal message"}},
	{name: "main-returns-first", hooks: noHooks, ends: "exit 0"},

	{name: "sigint", hooks: allHooks, ends: "signal interrupt", kill: syscall.SIGINT},
	{name: "sigterm-finished", hooks: allHooks, ends: "exit 0", kill: syscall.SIGTERM},
	{name: "sigterm-interrupted", hooks: allHooks, ends: "signal terminated", kill: syscall.SIGTERM},
	{name: "sigterm-failed", hooks: allHooks, ends: "exit 1", kill: syscall.SIGTERM, err: []string{"own error"}},
	{name: "sighup", hooks: allHooks, ends: "signal hangup", kill: syscall.SIGHUP},
	{name: "sigquit-asked", hooks: allHooks, ends: "signal quit", kill: syscall.SIGQUIT},
	{name: "sigint-ignored", hooks: allHooks, ends: "exit 0", start: ignoringInterrupts, script: interruptThenTerminate},
	{name: "sigusr1", hooks: allHooks, ends: "exit 0", script: userSignalThenTerminate},
	{name: "sigstop", hooks: allHooks, ends: "exit 0", script: stopAndContinue},
	{name: "sigpipe", hooks: allHooks, ends: "signal broken pipe", start: intoHead},
	{name: "sigpipe-of-socket", hooks: allHooks, ends: "exit 0", kill: syscall.SIGTERM},
	{name: "second-signal", hooks: startedHooks, ends: "exit 143", script: interruptThenTerminateInHook, err: []string{"exiting at once"}},
	{name: "all-asleep-under-main", hooks: allHooks, ends: "signal terminated", kill: syscall.SIGTERM, err: []string{`hook "run"`}},
	{name: "signal-too-soon", hooks: noHooks, ends: "signal terminated", kill: syscall.SIGTERM},
	{name: "sigquit", hooks: noHooks, ends: "exit 2", kill: syscall.SIGQUIT, err: []string{"SIGQUIT: quit"}},
	{name: "sigabrt", hooks: noHooks, ends: "exit 2", kill: syscall.SIGABRT, err: []string{"SIGABRT: abort"}},
	{name: "sigsegv", hooks: noHooks, ends: "exit 2", kill: syscall.SIGSEGV, err: []string{"SIGSEGV: segmentation violation"}},
	{name: "sigkill", hooks: noHooks, ends: "signal killed", kill: syscall.SIGKILL},

	{name: "os-exit", hooks: noHooks, ends: "exit 3"},
	{name: "os-exit-in-hook", hooks: startedHooks, ends: "exit 3"},
	{name: "log-fatal", hooks: noHooks, ends: "exit 1", err: []string{"fatal message"}},
	{name: "panic-in-foreign-goroutine", hooks: noHooks, ends: "exit 2", err: []string{"panic: boom", "lastly_test.explode("}},
	{name: "nil-dereference-in-foreign-goroutine", hooks: noHooks, ends: "exit 2", err: []string{"nil pointer dereference"}},
	{name: "concurrent-map-writes", hooks: noHooks, ends: "exit 2", err: []string{"fatal error: concurrent map writes"}, start: withoutRaceReports},
	{name: "unlock-of-unlocked-mutex", hooks: noHooks, ends: "exit 2", err: []string{"fatal error: sync: unlock of unlocked mutex"}},
	{name: "stack-overflow", hooks: noHooks, ends: "exit 2", err: []string{"stack overflow"}},
	{name: "out-of-memory", hooks: noHooks, ends: "exit 2", err: []string{"fatal error: ", "memory"}, start: outOfMemory},
	{name: "all-asleep", hooks: noHooks, ends: "exit 2", err: []string{"all goroutines are asleep - deadlock!"}, start: asleepWithout(cgo)},
	{name: "all-asleep-with-cgo", hooks: noHooks, ends: "signal terminated", kill: syscall.SIGTERM, start: asleepWithout(!cgo)},
	{name: "exec", hooks: noHooks, ends: "exit 5"},
}

func TestDeaths(t *testing.T) {
	t.Parallel()
	for _, d := range deaths {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			start := func(t *testing.T) *testproc.Proc { return testproc.Start(t, d.name) }
			if d.start != nil {
				start = d.start
			}
			p := start(t)
			switch {
			case d.script != nil:
				p.WaitLine("ready")
				d.script(t, p)
			case d.kill != 0:
				p.WaitLine("ready")
				p.Signal(d.kill)
			}
			r := p.Wait()
			r.Check(t, d.ends)
			r.CheckErr(t, d.err...)
			if len(d.err) == 0 && d.name != "sigpipe" && r.Err != "" {
				t.Errorf("it has nothing to say on stderr, but said:\n%s", r.Err)
			}
			d.checkHooks(t, r)
		})
	}
}

func (d death) checkHooks(t *testing.T, r testproc.Result) {
	t.Helper()
	if d.name == "sigpipe" { // nobody reads its stdout
		r.Out = r.Err
	}
	switch d.hooks {
	case allHooks:
		r.CheckLines(t, "hook two", "hook one")
	case startedHooks:
		r.CheckLines(t, "hook two")
		r.CheckNoLine(t, "hook one")
	case noHooks:
		r.CheckNoLine(t, "hook two")
		r.CheckNoLine(t, "hook one")
	default:
		t.Errorf("what hooks are %q?", d.hooks)
	}
}

func ignoringInterrupts(t *testing.T) *testproc.Proc {
	return testproc.Spec{Victim: "sigint-ignored", Wrap: []string{"sh", "-c", `trap "" INT; exec "$0" "$@"`}}.Start(t)
}

// asleepWithout starts the victim of two rows: a Go program with cgo in it can't tell that all goroutines sleep.
func asleepWithout(not bool) func(*testing.T) *testproc.Proc {
	return func(t *testing.T) *testproc.Proc {
		if not {
			testproc.Skip(t, "see CGO_ENABLED; the other of the two rows is the true one here", "all-asleep")
		}
		return testproc.Start(t, "all-asleep")
	}
}

func outOfMemory(t *testing.T) *testproc.Proc {
	if raceOn {
		testproc.Skip(t, "the race detector dies of it in its own way", "out-of-memory")
	}
	return testproc.Start(t, "out-of-memory")
}

// withoutRaceReports keeps the race detector's report out of the runtime's message: they are written at the same time, piece by piece.
func withoutRaceReports(t *testing.T) *testproc.Proc {
	reports := filepath.Join(t.TempDir(), "races")
	return testproc.Spec{Victim: "concurrent-map-writes", Env: []string{"GORACE=log_path=" + reports}}.Start(t)
}

// intoHead is what a shell makes of `victim | head -1`.
func intoHead(t *testing.T) *testproc.Proc {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	head := exec.CommandContext(t.Context(), "head", "-1")
	head.Stdin = read
	var first strings.Builder
	head.Stdout = &first
	if err := head.Start(); err != nil {
		t.Fatal(err)
	}
	p := testproc.Spec{Victim: "sigpipe", Stdout: write}.Start(t)
	_, _ = read.Close(), write.Close()
	if err := head.Wait(); err != nil || first.String() != "ready\n" {
		t.Errorf("head: %v, %q", err, first.String())
	}
	return p
}

func interruptThenTerminate(_ *testing.T, p *testproc.Proc) {
	p.Signal(syscall.SIGINT)
	testproc.Linger(50 * time.Millisecond) // it would have begun to end
	p.Signal(syscall.SIGTERM)
}

func userSignalThenTerminate(_ *testing.T, p *testproc.Proc) {
	p.Signal(syscall.SIGUSR1)
	testproc.Linger(50 * time.Millisecond) // as above
	p.Signal(syscall.SIGTERM)
}

func interruptThenTerminateInHook(_ *testing.T, p *testproc.Proc) {
	p.Signal(syscall.SIGINT)
	p.WaitLine("hook two")
	p.Signal(syscall.SIGTERM)
}

// stopAndContinue stops the process with SIGSTOP: nothing runs until somebody continues it, then the exit flow goes on.
func stopAndContinue(t *testing.T, p *testproc.Proc) {
	p.Signal(syscall.SIGSTOP)
	p.Signal(syscall.SIGTERM) // waits for it to go on
	testproc.Linger(50 * time.Millisecond)
	if p.Gone() || testproc.HasLine(p.Output(), "hook two") {
		t.Error("a stopped process went on")
	}
	p.Signal(syscall.SIGCONT)
}

// TestDeathsPage compares docs/deaths.md with what is proved: each row there that names a test has it, with the same
// hooks and the same end, and each test has its row.
func TestDeathsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/deaths.md")
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ hooks, ends string }
	rows := make(map[string]row)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			continue
		}
		name, ok := strings.CutPrefix(strings.TrimSpace(cells[4]), "`")
		if !ok {
			continue
		}
		name = strings.TrimSuffix(name, "`")
		if _, twice := rows[name]; twice {
			t.Errorf("docs/deaths.md has %q twice", name)
		}
		rows[name] = row{strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])}
	}
	for _, d := range deaths {
		got, ok := rows[d.name]
		switch {
		case !ok:
			t.Errorf("docs/deaths.md lacks a row for the test %q", d.name)
		case got != row{d.hooks, d.ends}:
			t.Errorf("docs/deaths.md, row %q: it says %+v, and the truth is %+v", d.name, got, row{d.hooks, d.ends})
		}
		delete(rows, d.name)
	}
	for name := range rows {
		t.Errorf("docs/deaths.md: row %q names a test that does not exist", name)
	}
}
