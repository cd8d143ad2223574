package durable_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain makes the test binary one of its victims, and the guard of one: a guard gets no further than Init.
func TestMain(m *testing.M) {
	durable.Init()
	os.Exit(testproc.OwnFolder(func() int { return testproc.Main(m, victims...) }))
}

var victims []testproc.Victims

// addVictims is called by `var _ =`, so that a file of one system needs no counterpart on the others.
func addVictims(v testproc.Victims) bool {
	victims = append(victims, v)
	return true
}

// initialised tells, in the file that this variable names, which processes ran the initialisation of this package.
const initialised = "LASTLY_TEST_INITIALISED"

var _ = tellInitialised()

func tellInitialised() bool {
	if file := os.Getenv(initialised); file != "" {
		appendLine(file, strconv.Itoa(os.Getpid()))
	}
	return true
}

func say(format string, args ...any) { testproc.Say(format, args...) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// appendLine adds a line to a file in one write, so that several processes can.
func appendLine(file, line string) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	_, err = f.WriteString(line + "\n")
	must(errors.Join(err, f.Close()))
}

func readLines(file string) []string {
	text, _ := os.ReadFile(file)
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// A note is a payload that writes a line to a file, and then does what the test needs.
type note struct {
	Log, Line string
	Do        string `json:",omitempty"`
}

var noteKind = durable.Define("note", settleNote)

// nestedKind is what settling a note may register.
var nestedKind = durable.Define("nested note", func(_ context.Context, n note) error {
	appendLine(n.Log, n.Line)
	return nil
})

func settleNote(ctx context.Context, n note) error {
	appendLine(n.Log, n.Line)
	switch n.Do {
	case "fail":
		return errors.New("told to fail")
	case "panic":
		panic("told to panic")
	case "hang":
		<-ctx.Done()
		testproc.Linger(testproc.Limit)
	case "until done":
		<-ctx.Done()
		return ctx.Err()
	case "die":
		must(kill(os.Getpid()))
		testproc.Linger(testproc.Limit)
	case "bad error":
		return badError{}
	case "wait": // for a file
		for !exists(n.Log + "." + n.Line) {
			testproc.Linger(tick)
		}
	case "register":
		_, err := nestedKind.Register(lastly.Process(), note{Log: n.Log, Line: n.Line + " nested"}, lastly.Hook{})
		must(err)
	case "goexit":
		runtime.Goexit()
	case "exit":
		os.Exit(0)
	case "slowly":
		testproc.Linger(20 * tick)
	}
	if n.Do != "" {
		appendLine(n.Log, n.Line+" ended")
	}
	return nil
}

// A badError can't be asked.
type badError struct{}

func (badError) Error() string { panic("told to panic in Error") }

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(syscall.SIGKILL)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// A state is the folder of journals of one test, with a log for its notes.
type state struct {
	t        testing.TB
	dir, log string
	env      []string
}

func newState(t testing.TB) *state {
	t.Helper()
	temp := t.TempDir()
	s := &state{t: t, dir: filepath.Join(temp, "state"), log: filepath.Join(temp, "log")}
	s.env = []string{"LASTLY_DIR=" + s.dir}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.checkNoGuards)
	return s
}

// start starts a victim that keeps its journal here.
func (s *state) start(victim string, args ...string) *testproc.Proc {
	s.t.Helper()
	return s.spec(victim, args...).Start(s.t)
}

func (s *state) spec(victim string, args ...string) testproc.Spec {
	return testproc.Spec{Victim: victim, Args: args, Env: s.env}
}

// note is the payload that writes a line to the log here.
func (s *state) note(line string) note { return note{Log: s.log, Line: line} }

// files are what is in the folder, but for reports.
func (s *state) files() []string {
	entries, _ := os.ReadDir(s.dir)
	var names []string
	for _, e := range entries {
		if e.Name() != "reports" {
			names = append(names, e.Name())
		}
	}
	return names
}

func (s *state) journals() []string {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "*.journal"))
	return paths
}

// waitEmpty waits until nothing is left in the folder.
func (s *state) waitEmpty() {
	s.t.Helper()
	testproc.Poll(s.t, "an empty folder of journals", func() bool { return len(s.files()) == 0 })
}

// waitLog waits until the log has these lines, in any order.
func (s *state) waitLog(lines ...string) {
	s.t.Helper()
	want := slices.Sorted(slices.Values(lines))
	testproc.Poll(s.t, fmt.Sprintf("the lines %q in the log", want), func() bool { return len(readLines(s.log)) >= len(lines) })
	if got := slices.Sorted(slices.Values(readLines(s.log))); !slices.Equal(got, want) {
		s.t.Errorf("the log has, in any order, %q, want %q", got, want)
	}
}

func (s *state) checkLog(lines ...string) {
	s.t.Helper()
	if got := readLines(s.log); !slices.Equal(got, lines) {
		s.t.Errorf("the log has %q, want %q", got, lines)
	}
}

// recover settles from this process, as the next start of the program would.
func (s *state) recover(o durable.Options) durable.Report {
	s.t.Helper()
	o.Dir = s.dir
	r, err := durable.Recover(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// checkCount checks how many records of a report have one of the outcomes.
func checkCount(t testing.TB, r durable.Report, want int, outcomes ...durable.Outcome) {
	t.Helper()
	if got := r.Count(outcomes...); got != want {
		t.Errorf("%d records are %q, want %d\n%v", got, outcomes, want, r)
	}
}

// tick is a short while.
const tick = 2 * time.Millisecond

func forever() { testproc.Linger(testproc.Limit * 2) }

// untilAsked is what a program does between its start and its end.
func untilAsked(ctx context.Context) error {
	say("ready")
	<-ctx.Done()
	return nil
}

// mustNote registers a note.
func mustNote(s *lastly.Scope, n note, h lastly.Hook) *durable.Record[note] {
	r, err := noteKind.Register(s, n, h)
	must(err)
	return r
}

// skipUnlessRoot skips what only root may do.
func skipUnlessRoot(t *testing.T, victims ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root may do that", victims...)
	}
}

// killed kills a victim, and waits for its end.
func killed(t testing.TB, p *testproc.Proc) {
	t.Helper()
	p.Signal(syscall.SIGKILL)
	p.Wait().Check(t, "signal killed")
}
