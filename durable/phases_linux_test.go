package durable_test

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"two-phases": twoPhasesVictim,
	"plain-hook": plainHookVictim,
	"locks":      locksVictim,
})

// execNote registers a command that writes a line.
func execNote(s *lastly.Scope, log, line string, h lastly.Hook) {
	_, err := durable.Exec.Register(s, durable.Command{Args: []string{"sh", "-c", `echo "$1" >>"$2"`, "sh", line, log}}, h)
	must(err)
}

// twoPhasesVictim: the guard of this one never reaches Init, because TestMain's folder is broken by then, when asked.
func twoPhasesVictim(args []string) {
	s := lastly.Process()
	execNote(s, args[0], "used by go", lastly.Hook{Name: "below"})
	mustNote(s, note{Log: args[0], Line: "go"}, lastly.Hook{Name: "go"})
	execNote(s, args[0], "independent", lastly.Hook{Uses: lastly.Nothing})
	execNote(s, args[0], "before go", lastly.Hook{Uses: []string{"go"}})
	say("ready")
	forever()
}

// TestBuiltinBehindGo: a built-in kind whose turn comes after a Go kind waits for it.
func TestBuiltinBehindGo(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("two-phases", s.log)
	p.WaitLine("ready")
	killed(t, p)
	s.waitEmpty()
	s.waitLog("used by go", "go", "independent", "before go")
	log := readLines(s.log)
	at := func(line string) int { return slices.Index(log, line) }
	if at("before go") > at("go") || at("go") > at("used by go") {
		t.Errorf("the log has %q", log)
	}
}

// TestProgramThatNeverReachesInit: what needs nothing of it is settled all the same, and the rest is left.
func TestProgramThatNeverReachesInit(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.env = append(s.env, initialised+"="+filepath.Join(s.beside("ran")))
	p := s.start("two-phases", s.log)
	p.WaitLine("ready")
	// From now on the initialisation of the package fails: it can't write to a folder.
	fatal(t, os.Remove(s.beside("ran")))
	fatal(t, os.Mkdir(s.beside("ran"), 0o700))
	killed(t, p)
	s.checkNoGuards()
	s.waitLog("independent", "before go")
	fatal(t, os.Remove(s.beside("ran")))
	checkCount(t, s.recover(durable.Options{Wait: testproc.Limit}), 2, durable.Settled)
	if log := readLines(s.log); len(log) != 4 || log[2] != "go" || log[3] != "used by go" {
		t.Errorf("the log has %q", log)
	}
	s.waitEmpty()
}

// plainHookVictim: C uses the plain hook B, which uses A.
func plainHookVictim(args []string) {
	s := lastly.Process()
	mustNote(s, note{Log: args[0], Line: "a"}, lastly.Hook{Name: "a"})
	s.Register(lastly.Hook{Name: "b", Uses: []string{"a"}, Run: nothing})
	mustNote(s, note{Log: args[0], Line: "c"}, lastly.Hook{Name: "c", Uses: []string{"b", "a"}})
	mustNote(s, note{Log: args[0], Line: "d"}, lastly.Hook{Name: "d"})
	say("ready")
	forever()
}

// TestOrderThroughPlainHook: a plain hook died with its process, and constrains nothing; what is said of records holds.
func TestOrderThroughPlainHook(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("plain-hook", s.log)
	p.WaitLine("ready")
	killed(t, p)
	s.waitEmpty()
	s.checkLog("d", "c", "a")
}

// locksVictim holds a lock that protects what a record is about.
func locksVictim(args []string) {
	f, err := os.OpenFile(args[1], os.O_CREATE|os.O_RDWR, 0o600)
	must(err)
	if ok, err := filelock.TryLock(f); !ok || err != nil {
		panic("not locked")
	}
	r, err := durable.Lock.Register(lastly.Process(), durable.LockedFile{File: f}, lastly.Hook{Name: "lock"})
	must(err)
	_ = r
	mustNote(lastly.Process(), note{Log: args[0], Line: "protected", Do: "wait"}, lastly.Hook{})
	say("ready")
	if len(args) > 2 {
		must(lastly.Process().Close())
		say("closed")
	}
	forever()
}

// TestLock: the next one is in only when what the lock protected is settled.
func TestLock(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		s := newState(t)
		path := s.beside("lock")
		p := s.start("locks", s.log, path)
		p.WaitLine("ready")
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		fatal(t, err)
		defer f.Close()
		locked := func() bool {
			free, err := filelock.TryLock(f)
			fatal(t, err)
			return !free
		}
		if replaced { // the second guard has to get the descriptor, too
			first := s.guard(p.Pid())
			fatal(t, syscall.Kill(first.pid, syscall.SIGKILL))
			testproc.Poll(t, "another guard", func() bool { g := s.guard(p.Pid()); return g.pid != first.pid && len(g.descriptors()) == 6 })
		}
		killed(t, p)
		s.waitLog("protected")
		if !locked() {
			t.Fatalf("the lock is free before what it protects is settled (a replaced guard: %v)", replaced)
		}
		fatal(t, os.WriteFile(s.log+".protected", nil, 0o600))
		testproc.Poll(t, "a free lock", func() bool { return !locked() })
		s.waitEmpty()
	}
}

func TestLockIsFreedByClose(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.beside("lock")
	fatal(t, os.WriteFile(s.log+".protected", nil, 0o600))
	p := s.start("locks", s.log, path, "close")
	p.WaitLine("closed")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	fatal(t, err)
	defer f.Close()
	if free, err := filelock.TryLock(f); !free || err != nil {
		t.Errorf("the lock should be free at once, though the process and its guard live: %v, %v", free, err)
	}
	killed(t, p)
	s.waitEmpty()
}
