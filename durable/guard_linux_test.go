package durable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"guarded":        guardedVictim,
	"guarded-return": guardedReturnVictim,
	"guarded-main":   guardedMainVictim,
})

// registerAll registers a record of each argument: "file PATH" or a note with that line.
func registerAll(log string, args []string) {
	for _, arg := range args {
		if path, ok := strings.CutPrefix(arg, "file "); ok {
			_, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: path}, lastly.Hook{Name: arg})
			must(err)
			continue
		}
		line, do, _ := strings.Cut(arg, "=")
		mustNote(lastly.Process(), note{Log: log, Line: line, Do: do}, lastly.Hook{Name: line})
	}
}

// guardedVictim registers and lives on.
func guardedVictim(args []string) {
	registerAll(args[0], args[1:])
	say("ready")
	forever()
}

// guardedReturnVictim registers, closes and returns, without Main.
func guardedReturnVictim(args []string) {
	registerAll(args[0], args[1:])
	must(lastly.Process().Close())
}

func guardedMainVictim(args []string) {
	lastly.Main(func(ctx context.Context) error {
		registerAll(args[0], args[1:])
		return untilAsked(ctx)
	})
}

// file makes a file beside the state folder.
func (s *state) file(name string) string {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.dir), name)
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// reports are what guards have written.
func (s *state) reports() (all []reportFile) {
	s.t.Helper()
	paths, err := durable.Reports(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		var r reportFile
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// A reportFile is the form of a report that is promised to be stable.
type reportFile struct {
	Journals []struct {
		Path, Program, Command string
		Pid                    int
		State, Why, Died       string
		Crash                  string
		Damaged                []string
		Records                []struct {
			ID, Kind, Name, Outcome, Error string
			Attempts                       int
		}
	}
}

// oneReport waits for the report of the one guard there was.
func (s *state) oneReport() reportFile {
	s.t.Helper()
	testproc.Poll(s.t, "a report", func() bool { return len(s.reports()) > 0 })
	all := s.reports()
	if len(all) != 1 || len(all[0].Journals) != 1 {
		s.t.Fatalf("the reports are %+v, want one about one journal", all)
	}
	return all[0]
}

func TestGuardSettles(t *testing.T) {
	t.Parallel()
	for _, victim := range []string{"guarded", "guarded-main"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			s := newState(t)
			file := s.file("file")
			p := s.start(victim, s.log, "one", "file "+file, "two")
			p.WaitLine("ready")
			killed(t, p)
			s.waitEmpty()
			s.checkLog("two", "one")
			if exists(file) {
				t.Error("the file is still there")
			}
			r := s.oneReport().Journals[0]
			if r.Died != "signal killed" || r.Pid != p.Pid() || r.State != "orphan" || len(r.Records) != 3 {
				t.Errorf("the report is %+v", r)
			}
		})
	}
}

func TestGuardIsGoneAfterACleanExit(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.start("guarded-return", s.log, "one", "two").Wait().Check(t, "exit 0")
	s.waitEmpty()
	p := s.start("guarded-main", s.log, "three")
	p.WaitLine("ready")
	s.guard(p.Pid())
	p.Signal(syscall.SIGTERM)
	p.Wait().Check(t, "exit 0")
	if left := s.files(); len(left) > 0 {
		t.Errorf("Main left %q", left)
	}
	s.checkLog("two", "one", "three")
	if r := s.reports(); len(r) > 0 {
		t.Errorf("there is nothing to report, but: %+v", r)
	}
}

// TestGuardWaits looks at a guard that has nothing to do yet.
func TestGuardWaits(t *testing.T) {
	t.Parallel()
	s := newState(t)
	spec := s.spec("guarded", s.log, "one", "file "+s.file("file"))
	ran := filepath.Join(t.TempDir(), "initialised")
	spec.Env = append(spec.Env, initialised+"="+ran)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	spec.Stderr = w // no descriptor of the owner's may be held open
	p := spec.Start(t)
	_ = w.Close()
	p.WaitLine("ready")
	g := s.guard(p.Pid())
	if g.session != g.pid || g.name != "lastly-guard" || g.args[0] != "lastly-guard" {
		t.Errorf("the guard is %+v, want a session of its own and lastly-guard as its name", g)
	}
	if dir, _ := os.Readlink(filepath.Join(g.dir, "cwd")); dir != "/" {
		t.Errorf("its working folder is %q, want /", dir)
	}
	checkDescriptors(t, g.descriptors())
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTSTP, syscall.SIGPIPE, syscall.SIGUSR1} {
		if err := syscall.Kill(g.pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	if lines := readLines(ran); len(lines) != 1 {
		t.Errorf("the initialisation ran in processes %q, want in the victim only", lines)
	}
	killed(t, p)
	_, _ = r.Read(make([]byte, 1)) // ends when nobody has it open for writing
	s.waitEmpty()
	s.checkLog("one")
	if now := s.oneReport(); now.Journals[0].Pid != p.Pid() {
		t.Errorf("another guard settled: %+v", now)
	}
}

// TestGuardBearsNoMark: who kills its owner by a mark must not kill the guard, which is there for the time after.
func TestGuardBearsNoMark(t *testing.T) {
	t.Parallel()
	s := newState(t)
	mark := durable.WithMark(nil, durable.NewMark())
	s.env = append(s.env, mark...)
	p := s.start("guarded", s.log, "one")
	p.WaitLine("ready")
	if owner, _ := look(p.Pid()); !slices.Contains(owner.environ, mark[0]) {
		t.Fatal("the owner bears no mark either")
	}
	if slices.Contains(s.guard(p.Pid()).environ, mark[0]) {
		t.Error("the guard bears its owner's mark")
	}
	killed(t, p)
	s.waitEmpty()
}

func checkDescriptors(t *testing.T, open map[int]string) {
	t.Helper()
	sockets, pidfds := 0, 0
	for n, what := range open {
		switch {
		case n <= 2 && what == "/dev/null":
		case n == 3 && strings.HasPrefix(what, "socket:"):
			sockets++
		case strings.Contains(what, "pidfd"):
			pidfds++
		default:
			t.Errorf("the guard has descriptor %d open: %s", n, what)
		}
	}
	if sockets != 1 || pidfds != 1 || len(open) != 5 {
		t.Errorf("the guard's descriptors are %v", open)
	}
}

// TestGuardInitialisesNothing: what only needs built-in kinds is settled before the program's own initialisation.
func TestGuardInitialisesNothing(t *testing.T) {
	t.Parallel()
	s := newState(t)
	file, ran := s.file("file"), filepath.Join(t.TempDir(), "initialised")
	spec := s.spec("guarded", s.log, "file "+file)
	spec.Env = append(spec.Env, initialised+"="+ran)
	p := spec.Start(t)
	p.WaitLine("ready")
	killed(t, p)
	s.waitEmpty()
	if lines := readLines(ran); len(lines) != 1 || exists(file) {
		t.Errorf("the initialisation ran in processes %q, want in the victim only; the file is still there: %v", lines, exists(file))
	}
}

// TestReportsArePruned: the newest hundred stay.
func TestReportsArePruned(t *testing.T) {
	t.Parallel()
	s := newState(t)
	dir := filepath.Join(s.dir, "reports")
	fatal(t, os.Mkdir(dir, 0o700))
	for i := range 150 {
		name := fmt.Sprintf("20200101T000000.000000%03d-x.json", i)
		fatal(t, os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600))
	}
	p := s.start("guarded", s.log, "one")
	p.WaitLine("ready")
	killed(t, p)
	s.waitEmpty()
	s.checkNoGuards()
	all := s.reports()
	if len(all) != 100 || len(all[99].Journals) != 1 {
		t.Errorf("%d reports are left, the last is %+v", len(all), all[len(all)-1])
	}
	if exists(filepath.Join(dir, "20200101T000000.000000050-x.json")) || !exists(filepath.Join(dir, "20200101T000000.000000051-x.json")) {
		t.Error("not the oldest were removed")
	}
}

func TestGuardIsReplaced(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", s.log, "one")
	p.WaitLine("ready")
	seen := []int{}
	for range 3 {
		g := s.guard(p.Pid())
		if slices.Contains(seen, g.pid) {
			t.Fatalf("guard %d of %v is still there", g.pid, seen)
		}
		seen = append(seen, g.pid)
		if err := syscall.Kill(g.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	s.guard(p.Pid())
	for _, pid := range seen { // also as zombies
		testproc.Poll(t, "a guard that its owner has reaped", func() bool { return !exists(filepath.Join("/proc", strconv.Itoa(pid))) })
	}
	killed(t, p)
	s.waitEmpty()
	s.checkLog("one")
}

// TestGuardAndOwnerKilled leaves it to the next start.
func TestGuardAndOwnerKilled(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", s.log, "one", "two")
	p.WaitLine("ready")
	g := s.guard(p.Pid())
	p.Signal(syscall.SIGSTOP) // so that it starts no other
	if err := syscall.Kill(g.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed(t, p)
	s.checkLog()
	r := s.recover(durable.Options{})
	checkCount(t, r, 2, durable.Settled)
	s.checkLog("two", "one")
	s.waitEmpty()
}

func TestOneGuard(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", append([]string{s.log}, strings.Split(strings.Repeat("a ", 50), " ")[:50]...)...)
	p.WaitLine("ready")
	s.guard(p.Pid())
	if n := len(s.guards()); n != 1 {
		t.Errorf("there are %d guards for one process", n)
	}
	killed(t, p)
	s.waitEmpty()
	if n := len(readLines(s.log)); n != 50 {
		t.Errorf("%d of 50 records were settled", n)
	}
	runtime.KeepAlive(p)
}
