package durable_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{
	"starts":       startsVictim,
	"logs-durably": logsDurablyVictim,
	"changes-user": changesUserVictim,
	"full-disk":    fullDiskVictim,
	"drops-root":   dropsRootVictim,
})

// startsVictim is a program that uses Main, and so settles at its start what earlier runs left.
func startsVictim([]string) {
	lastly.Process().Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	began := time.Now()
	lastly.Main(func(ctx context.Context) error {
		say("run after 5 s: %v", time.Since(began) >= 5*time.Second)
		return untilAsked(ctx)
	})
}

// TestMainRecovers before run begins.
func TestMainRecovers(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.orphan(gone(), s.noteRecord("first", "", 1), s.noteRecord("second", "slowly", 2), s.noteRecord("third", "fail", 3))
	p := s.start("starts")
	p.WaitLine("ready")
	if lines := readLines(s.log); len(lines) < 3 || !strings.HasPrefix(strings.Join(lines, " "), "third second second ended first") {
		t.Errorf("when run begins, the log has %q", lines)
	}
	testproc.Poll(t, "the second attempt, when it is due", func() bool { return len(readLines(s.log)) > 4 })
	p.Signal(syscall.SIGTERM)
	r := p.Wait()
	r.Check(t, "exit 0")
	if !strings.Contains(r.Err, "not settled") || !strings.Contains(r.Err, "told to fail") {
		t.Errorf("the log of the program says nothing of it:\n%s", r.Err)
	}
	left := s.content(s.journals()[0])
	if len(left) != 1 || left[0].Name != "third" || left[0].Attempts < 2 {
		t.Errorf("left is %+v", left)
	}
}

// TestMainDoesNotWaitForEver: run begins after 5 s, and the rest goes on beside it.
func TestMainDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.orphan(gone(), s.noteRecord("rest", "", 1), s.noteRecord("slow", "wait", 2))
	p := s.start("starts")
	p.WaitLine("ready")
	if !strings.Contains(p.Output(), "run after 5 s: true") {
		t.Error(p.Output())
	}
	s.checkLog("slow")
	fatal(t, os.WriteFile(s.log+".slow", nil, 0o600))
	s.waitEmpty()
	s.checkLog("slow", "slow ended", "rest")
	p.Signal(syscall.SIGTERM)
	p.Wait().Check(t, "exit 0")
}

// TestSignalDuringRecovery ends it: see TestStopDuringRecovery.
func TestSignalDuringRecovery(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.orphan(gone(), s.noteRecord("slow", "wait", 2))
	p := s.start("starts")
	s.waitLog("slow")
	p.Signal(syscall.SIGTERM)
	p.Wait()
	if left := s.content(s.journals()[0]); len(left) != 1 || left[0].Attempts != 1 {
		t.Errorf("left is %+v", left)
	}
}

// TestMainWaitsForTheGuard: a supervisor restarts at once, while the guard of the run before is still at it.
func TestMainWaitsForTheGuard(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", s.log, "one", "two=wait")
	p.WaitLine("ready")
	s.guard(p.Pid())
	killed(t, p)
	s.waitLog("two")
	next := s.start("starts")
	testproc.Linger(50 * tick)
	if strings.Contains(next.Output(), "ready") {
		t.Error("run began while the guard was at it")
	}
	fatal(t, os.WriteFile(s.log+".two", nil, 0o600))
	next.WaitLine("ready")
	s.waitLog("two", "two ended", "one")
	s.checkLog("two", "two ended", "one")
	killed(t, next)
	s.waitEmpty()
}

// TestMainLooksAgain: a guard that is at it for longer than Main waits may leave something.
func TestMainLooksAgain(t *testing.T) {
	t.Parallel()
	s := newState(t)
	p := s.start("guarded", s.log, "one", "two=wait")
	p.WaitLine("ready")
	g := s.guard(p.Pid())
	killed(t, p)
	s.waitLog("two")
	next := s.start("starts")
	next.WaitLine("ready")
	fatal(t, syscall.Kill(g.pid, syscall.SIGKILL))
	fatal(t, os.WriteFile(s.log+".two", nil, 0o600))
	s.waitEmpty()
	s.checkLog("two", "two", "two ended", "one")
	killed(t, next)
}

// TestWhenMainLooksAgain: at what is due, at the rest when there was no time for all, and now and then at what others
// settle.
func TestWhenMainLooksAgain(t *testing.T) {
	t.Parallel()
	began := time.Now()
	due := func(after time.Duration) []durable.RecordReport {
		return []durable.RecordReport{{Outcome: durable.Failed, Due: began.Add(after)}, {Outcome: durable.DeadLetter}, {Outcome: durable.Waiting}}
	}
	for _, c := range []struct {
		what    string
		journal durable.JournalReport
		err     error
		round   int
		want    time.Duration // after began; -1: never
	}{
		{"nothing is left", durable.JournalReport{}, nil, 0, -1},
		{"one has failed", durable.JournalReport{Records: due(time.Minute)}, nil, 3, time.Minute},
		{"there was no time for all", durable.JournalReport{Records: due(time.Minute)}, fmt.Errorf("wrapped: %w", context.DeadlineExceeded), 0, 0},
		{"another error", durable.JournalReport{}, durable.ErrFolder, 0, -1},
		{"others settle", durable.JournalReport{State: durable.Settling}, nil, 0, time.Second},
		{"others still settle", durable.JournalReport{State: durable.Settling}, nil, 4, 16 * time.Second},
		{"others settle for ever", durable.JournalReport{State: durable.Settling}, nil, 10000, time.Minute},
		{"others settle, one is due", durable.JournalReport{State: durable.Settling, Records: due(time.Millisecond)}, nil, 9, time.Millisecond},
		{"others settle, one is due later", durable.JournalReport{State: durable.Settling, Records: due(time.Hour)}, nil, 9, time.Minute},
	} {
		next := durable.Report{Began: began, Journals: []durable.JournalReport{c.journal}}.Again(c.err, c.round)
		if c.want < 0 != next.IsZero() || c.want >= 0 && !next.Equal(began.Add(c.want)) {
			t.Errorf("%s: it looks again at %v, want after %v", c.what, next.Sub(began), c.want)
		}
	}
}

// TestAllAtOnce: guards, two new starts and sweeps over the journals of many killed processes; each record is settled once.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	s := newState(t)
	var want []string
	var owners []*testproc.Proc
	for i := range 6 {
		args := []string{s.log}
		for k := range 10 {
			args = append(args, string(rune('a'+i))+string(rune('a'+k)))
		}
		want = append(want, args[1:]...)
		owners = append(owners, s.start("guarded", args...))
	}
	alive := s.start("guarded", s.beside("log of the living"), "alive")
	var orphans []journal.Record
	for k := range 10 {
		line := "orphan" + string(rune('a'+k))
		want, orphans = append(want, line), append(orphans, s.noteRecord(line, "", uint64(k)))
	}
	s.orphan(gone(), orphans...)
	for _, p := range append(owners, alive) {
		p.WaitLine("ready")
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 5 {
				_, err := durable.Sweep(t.Context(), durable.Options{Dir: s.dir})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, p := range owners {
		p.Signal(syscall.SIGKILL)
	}
	next := []*testproc.Proc{s.start("starts"), s.start("starts")}
	all.Wait()
	testproc.Poll(t, "one journal", func() bool { return len(s.journals()) == 1 })
	s.waitLog(want...)
	for _, p := range append(next, alive) {
		p.Signal(syscall.SIGKILL)
	}
	s.waitEmpty()
	if lines := readLines(s.beside("log of the living")); len(lines) != 1 {
		t.Errorf("the living one's log has %q", lines)
	}
}

// A durableHandler registers something durable with each line that is logged.
type durableHandler struct{ slog.Handler }

func (h durableHandler) Handle(ctx context.Context, r slog.Record) error {
	mustNote(lastly.Process(), note{}, lastly.Hook{Run: nothing})
	say("noted: %s", lastly.Process().Report().Hooks[0].Note)
	return h.Handler.Handle(ctx, r)
}

func logsDurablyVictim([]string) {
	lastly.Process().Logger = slog.New(durableHandler{slog.NewTextHandler(os.Stdout, nil)})
	must(syscall.Setuid(65534))
	allowNoProcess()
	mustNote(lastly.Process(), note{}, lastly.Hook{Run: nothing})
	say("ready")
	lastly.Process().Logger = nil
	lastly.Exit(0)
}

// TestLoggerMayUseDurable: no lock is held while the Logger runs.
func TestLoggerMayUseDurable(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "logs-durably")
	s := newState(t)
	s.public(65534)
	p := s.start("logs-durably")
	p.WaitLine("ready")
	r := p.Wait()
	r.Check(t, "exit 0")
	if !strings.Contains(r.Out, "noted: no guard") || !strings.Contains(r.Out, "level=WARN") {
		t.Error(r.Out)
	}
}

func changesUserVictim(args []string) {
	r := mustNote(lastly.Process(), note{Log: args[0], Line: "of root"}, lastly.Hook{})
	must(syscall.Setuid(65534))
	_, err := noteKind.Register(lastly.Process(), note{}, lastly.Hook{})
	say("register: %v", err)
	say("update: %v", r.Update(note{}))
	say("ready")
	forever()
}

func TestChangedUser(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "changes-user")
	s := newState(t)
	p := s.start("changes-user", s.log)
	p.WaitLine("ready")
	for _, what := range []string{"register: ", "update: "} {
		if !strings.Contains(p.Output(), what) || strings.Count(p.Output(), durable.ErrOtherUser.Error()+" from 0 to 65534") != 2 {
			t.Error(p.Output())
		}
	}
	killed(t, p)
	s.waitEmpty()
	s.checkLog("of root")
}

func dropsRootVictim(args []string) {
	must(syscall.Setuid(65534))
	guardedVictim(args)
}

// TestDroppedPrivileges: register after that, as ErrOtherUser says, and all is as for any user.
func TestDroppedPrivileges(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "drops-root")
	s := newState(t)
	s.public(65534)
	p := s.start("drops-root", s.log, "one")
	p.WaitLine("ready")
	s.guard(p.Pid())
	killed(t, p)
	s.waitEmpty()
	s.checkLog("one")
}

// fullDiskVictim registers until the disk is full, in a small filesystem of its own.
func fullDiskVictim(args []string) {
	must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	must(syscall.Mount("tmpfs", args[0], "tmpfs", 0, "size=256k,mode=700"))
	var last error
	count := 0
	for ; last == nil && count < 10000; count++ {
		_, last = noteKind.Register(lastly.Process(), note{Line: strings.Repeat("x", 1000)}, lastly.Hook{Run: nothing})
	}
	say("%d: %v", count, last)
	hooks := lastly.Process().Report().Hooks
	say("all registered are journaled: %v", len(hooks) == count-1)
	must(lastly.Process().Close())
	say("closed")
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t, "full-disk")
	s := newState(t)
	spec := s.spec("full-disk", s.dir)
	spec.Attr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	p, err := spec.TryStart(t)
	if err != nil {
		testproc.Skip(t, err.Error(), "full-disk")
	}
	r := p.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "all registered are journaled: true", "closed")
	if !strings.Contains(r.Out, "no space left on device") || !strings.Contains(r.Out, "free space") {
		t.Error(r.Out)
	}
}
