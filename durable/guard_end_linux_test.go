package durable_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"limited":     limitedVictim,
	"dies":        diesVictim,
	"hands-on":    handsOnVictim,
	"other-guard": otherGuardVictim,
	"as-pid-1":    guardedVictim,
})

// limitedVictim has a guard with little time: milliseconds, then what guardedVictim takes.
func limitedVictim(args []string) {
	limit, err := time.ParseDuration(args[0])
	must(err)
	must(durable.Setup(durable.Settings{GuardLimit: limit}))
	guardedVictim(args[1:])
}

// TestGuardLimit: a cleanup that hangs, heeding its context or not, does not keep the guard for ever; what was learned is
// in the report, and the attempt is counted.
func TestGuardLimit(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"hang", "until done"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newState(t)
			p := s.start("limited", "4s", s.log, "before", "stuck="+how, "after") // on a busy machine it needs much of that to get there
			p.WaitLine("ready")
			killed(t, p)
			s.checkNoGuards()
			s.waitLog("after", "stuck", "before")
			left := s.content(s.journals()[0])
			if len(left) != 1 || left[0].Name != "stuck" || left[0].Attempts != 1 || left[0].LastError == "" {
				t.Errorf("left is %+v", left)
			}
			if r := s.oneReport().Journals[0]; r.Died != "signal killed" || len(r.Records) != 3 {
				t.Errorf("the report is %+v", r)
			}
		})
	}
}

// TestGuardWaitsForItsTurn: somebody else only looks at the journal in the moment of the owner's death.
func TestGuardWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", s.log, "one")
	p.WaitLine("ready")
	s.guard(p.Pid())
	f, err := os.OpenFile(s.journals()[0], os.O_RDWR, 0)
	fatal(t, err)
	defer f.Close()
	if ok, err := filelock.TrySettle(f); !ok || err != nil {
		t.Fatal(ok, err)
	}
	killed(t, p)
	testproc.Linger(100 * tick)
	s.checkLog()
	fatal(t, f.Close())
	s.waitEmpty()
	s.checkLog("one")
}

// TestGuardTellsOfDamage: what can't be read is in the report, also when there was nothing to settle.
func TestGuardTellsOfDamage(t *testing.T) {
	t.Parallel()
	for what, at := range map[string]int64{"record": 4096 + 100, "header": 100} {
		s := newState(t)
		p := s.start("guarded", s.log, "one")
		p.WaitLine("ready")
		s.guard(p.Pid())
		path := s.journals()[0]
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		fatal(t, err)
		_, err = f.WriteAt([]byte("\xff\xff\xff"), at)
		fatal(t, errors.Join(err, f.Close()))
		killed(t, p)
		r := s.oneReport().Journals[0]
		switch what {
		case "record":
			if len(r.Damaged) != 1 || len(r.Records) != 0 || r.State != "orphan" {
				t.Errorf("%s: the report is %+v", what, r)
			}
		case "header":
			if r.State != "unusable" || !strings.Contains(r.Why, "checksum") || !exists(path) {
				t.Errorf("%s: the report is %+v; the journal is there: %v", what, r, exists(path))
			}
		}
		s.checkLog()
	}
}

// diesVictim dies in a way of its own, with a record that nobody struck.
func diesVictim(args []string) {
	registerAll(args[0], []string{"one"})
	switch args[1] {
	case "exit 7":
		os.Exit(7)
	case "panic":
		panic("crash for the report")
	case "long panic":
		panic(strings.Repeat("crash without end ", 10_000))
	case "own output":
		f, err := os.Create(args[0] + ".own")
		must(err)
		must(debug.SetCrashOutput(f, debug.CrashOptions{}))
		panic("crash for its own file")
	case "Exit":
		lastly.Exit(4)
	default:
		say("ready")
		forever()
	}
}

func TestGuardKnowsTheDeath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how, died, crash string
		kill             syscall.Signal
	}{
		{how: "exit 7", died: "exit 7"},
		{how: "panic", died: "exit 2", crash: "crash for the report"},
		{how: "long panic", died: "exit 2", crash: "crash without end"},
		{how: "own output", died: "exit 2"},
		{how: "killed", died: "signal killed", kill: syscall.SIGKILL},
		{how: "terminated", died: "signal terminated", kill: syscall.SIGTERM},
		{how: "quit", died: "exit 2", kill: syscall.SIGQUIT, crash: "SIGQUIT"},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			s := newState(t)
			p := s.start("dies", s.log, c.how)
			if c.kill != 0 {
				p.WaitLine("ready")
				p.Signal(c.kill)
			}
			p.Wait().Check(t, c.died)
			s.waitEmpty()
			s.checkLog("one")
			r := s.oneReport().Journals[0]
			if r.Died != c.died || !strings.Contains(r.Crash, c.crash) || c.crash == "" && r.Crash != "" || len(r.Crash) > 64<<10 {
				t.Errorf("died: %q, want %q; crash, which should have %q:\n%s", r.Died, c.died, c.crash, r.Crash)
			}
			if own, _ := os.ReadFile(s.log + ".own"); c.how == "own output" && !strings.Contains(string(own), "crash for its own file") {
				t.Errorf("the program's own crash output has %q", own)
			}
		})
	}
}

// TestSettleThatRegisters: a guard that registers something is an owner as well, and has a guard of its own.
func TestSettleThatRegisters(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", s.log, "one=register")
	p.WaitLine("ready")
	killed(t, p)
	s.waitLog("one", "one ended", "one nested")
	s.waitEmpty()
}

// TestSettleThatEndsTheGuard: what it was at is counted, and what it did not come to is left.
func TestSettleThatEndsTheGuard(t *testing.T) {
	t.Parallel()
	for how, rest := range map[string]int{"die": 1, "exit": 1, "goexit": 0, "panic": 0} {
		s := newState(t)
		p := s.start("guarded", s.log, "rest", "bad="+how)
		p.WaitLine("ready")
		killed(t, p)
		s.waitLog(append([]string{"bad"}, []string{"rest"}[rest:]...)...)
		s.checkNoGuards()
		left := s.content(s.journals()[0])
		if len(left) != 1+rest || left[rest].Name != "bad" || left[rest].Attempts != 1 || left[0].Attempts != 1-rest {
			t.Errorf("%s: left is %+v", how, left)
		}
	}
}

// TestExitIsNoDeath: Exit runs the hooks, and nothing is left for the guard to tell.
func TestExitIsNoDeath(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.start("dies", s.log, "Exit").Wait().Check(t, "exit 4")
	s.checkNoGuards()
	s.checkLog("one")
	if left := s.files(); len(left) > 0 || len(s.reports()) > 0 {
		t.Errorf("left are %q and %d reports", left, len(s.reports()))
	}
}

// handsOnVictim gives its journal to a child, which keeps the owner's lock when the owner is dead.
func handsOnVictim(args []string) {
	registerAll(args[0], []string{"one"})
	self := process{dir: "/proc/self"}
	for fd, what := range self.descriptors() {
		if strings.HasSuffix(what, ".journal") || strings.Contains(filepath.Base(what), ".new-") {
			_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, 0)
			if errno != 0 {
				panic(errno)
			}
			cmd := exec.Command("sleep", "100")
			must(cmd.Start())
			say("child %d has descriptor %d", cmd.Process.Pid, fd)
		}
	}
	say("ready")
	forever()
}

// TestLockHeldByAChild: the lock of a dead owner that is held says nothing; neither to a guard nor to the next start.
func TestLockHeldByAChild(t *testing.T) {
	t.Parallel()
	for _, guard := range []string{"on", "off"} {
		s := newState(t)
		spec := s.spec("hands-on", s.log)
		spec.Env = append(spec.Env, "LASTLY_GUARD="+guard)
		p := spec.Start(t)
		p.WaitLine("ready")
		var child, fd int
		if _, err := fmt.Sscanf(p.Output(), "child %d has descriptor %d", &child, &fd); err != nil {
			t.Fatalf("%v: %s", err, p.Output())
		}
		defer func() { _ = syscall.Kill(child, syscall.SIGKILL) }()
		killed(t, p)
		if guard == "off" {
			checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
		}
		s.waitEmpty()
		s.checkLog("one")
		if _, alive := look(child); !alive {
			t.Error("the child is gone, so the test shows nothing")
		}
	}
}

// otherGuardVictim says what the report says of its guard.
func otherGuardVictim(args []string) {
	lastly.Process().Logger = slog.New(slog.NewTextHandler(os.Stdout, nil))
	switch args[1] {
	case "NoGuard":
		must(durable.Setup(durable.Settings{NoGuard: true}))
	case "other user":
		must(syscall.Setuid(65534))
		allowNoProcess()
	}
	registerAll(args[0], []string{"one", "two"})
	say("note: %s", lastly.Process().Report().Hooks[0].Note)
	say("ready")
	forever()
}

// allowNoProcess lets this process start no other. It needs no new thread itself after that: it has a few that are idle.
func allowNoProcess() {
	var threads sync.WaitGroup
	for range 16 {
		threads.Go(func() {
			pause := syscall.NsecToTimespec(int64(30 * time.Millisecond))
			_ = syscall.Nanosleep(&pause, nil)
		})
	}
	threads.Wait()
	must(syscall.Setrlimit(rlimitProcesses, &syscall.Rlimit{Max: 1000}))
}

const rlimitProcesses = 6

// TestWithoutGuard: Register works, the report says why there is none, and the next start settles.
func TestWithoutGuard(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"NoGuard": "switched off", "LASTLY_GUARD=off": "switched off", "other user": "resource temporarily unavailable"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			if how == "other user" {
				skipUnlessRoot(t, "other-guard")
			}
			s := newState(t)
			if how == "other user" {
				s.public(65534)
			}
			spec := s.spec("other-guard", s.log, how)
			if strings.Contains(how, "=") {
				spec.Env = append(spec.Env, how)
			}
			p := spec.Start(t)
			p.WaitLine("ready")
			if n := len(s.guards()); n > 0 {
				t.Errorf("there are %d guards", n)
			}
			checkNoted(t, p.Output(), want, how == "other user")
			killed(t, p)
			testproc.Linger(50 * tick)
			if lines := readLines(s.log); len(lines) > 0 || len(s.journals()) != 1 {
				t.Errorf("settled were %q by nobody; journals: %q", lines, s.journals())
			}
			if how == "other user" {
				return // it is not this user's
			}
			checkCount(t, s.recover(durable.Options{}), 2, durable.Settled)
			s.checkLog("two", "one")
		})
	}
}

// checkNoted checks what a victim says of its guard, and that it was logged once, if it was no one's wish.
func checkNoted(t *testing.T, out, want string, logged bool) {
	t.Helper()
	warnings := 0
	noted := false
	for line := range lines(out) {
		switch {
		case strings.HasPrefix(line, "note: no guard (") && strings.Contains(line, want):
			noted = true
		case strings.Contains(line, "level=WARN"):
			warnings++
		}
	}
	if !noted || (warnings == 1) != logged || warnings > 1 {
		t.Errorf("the note should have %q, and be logged once: %v\n%s", want, logged, out)
	}
}

func lines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

// TestPID1HasNoGuard: it would die with it.
func TestPID1HasNoGuard(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "as-pid-1")
	s := newState(t)
	spec := s.spec("as-pid-1", s.log, "one")
	spec.Attr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	p, err := spec.TryStart(t)
	if err != nil {
		testproc.Skip(t, err.Error(), "as-pid-1")
	}
	p.WaitLine("ready")
	if n := len(s.guards()); n > 0 {
		t.Errorf("there are %d guards", n)
	}
	killed(t, p)
	r := s.recover(durable.Options{})
	checkCount(t, r, 1, durable.Settled)
	s.checkLog("one")
	s.waitEmpty()
}
