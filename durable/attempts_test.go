package durable_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{"recover": recoverVictim})

// recoverVictim is a start of the program: it settles what others left in its folder.
func recoverVictim([]string) {
	r, err := durable.Recover(context.Background(), durable.Options{Wait: testproc.Limit})
	must(err)
	say("settled %d", r.Count(durable.Settled))
}

// edit changes the records of an orphaned journal, as time passing would.
func (s *state) edit(path string, change func(*journal.Record)) {
	s.t.Helper()
	j, c, err := journal.Open(path)
	fatal(s.t, err)
	for _, e := range c.Entries {
		change(&e.Record)
		_, err := j.Replace(e.Ref, &e.Record)
		fatal(s.t, err)
	}
	fatal(s.t, j.Close())
}

// shift lets the last attempt have been at another time: makeDue what waits, or keepOff what would be due soon, however slow
// the test is.
func (s *state) shift(path string, by time.Duration) {
	s.t.Helper()
	s.edit(path, func(r *journal.Record) { r.Tried = r.Tried.Add(by) })
}

const (
	makeDue = -2 * time.Hour
	keepOff = 30 * time.Minute
)

func one(t *testing.T, r durable.Report) durable.RecordReport {
	t.Helper()
	if len(r.Journals) != 1 || len(r.Journals[0].Records) != 1 {
		t.Fatalf("the report is %v, want one record", r)
	}
	return r.Journals[0].Records[0]
}

func TestFailuresUntilDeadLetter(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("bad", "fail", 1))
	for attempt := 1; attempt < durable.MaxAttempts; attempt++ {
		before := time.Now()
		r := one(t, s.recover(durable.Options{}))
		if r.Outcome != durable.Failed || r.Attempts != attempt || r.Err == nil || !strings.Contains(r.Err.Error(), "told to fail") || !r.Due.After(before) {
			t.Fatalf("attempt %d: %+v", attempt, r)
		}
		if now := s.content(path)[0]; now.Attempts != attempt || !strings.Contains(now.LastError, "told to fail") || now.Dead {
			t.Fatalf("attempt %d: the record is %+v", attempt, now)
		}
		s.shift(path, keepOff)
		again := one(t, s.recover(durable.Options{}))
		if again.Outcome != durable.Waiting || again.Attempts != attempt || !again.Due.Equal(r.Due.Add(keepOff)) || again.Err == nil {
			t.Fatalf("attempt %d, too soon: %+v, want Due %v", attempt, again, r.Due.Add(keepOff))
		}
		s.shift(path, makeDue)
	}
	if r := one(t, s.recover(durable.Options{})); r.Outcome != durable.DeadLetter || r.Attempts != durable.MaxAttempts || !r.Due.IsZero() {
		t.Fatalf("the last attempt: %+v", r)
	}
	if lines := readLines(s.log); len(lines) != durable.MaxAttempts {
		t.Fatalf("it was tried %d times", len(lines))
	}
	s.checkDeadLetter(path)
}

// checkDeadLetter continues where the one record of a journal, which always fails, is a dead letter.
func (s *state) checkDeadLetter(path string) {
	s.t.Helper()
	t := s.t.(*testing.T)
	tried := len(readLines(s.log))
	s.shift(path, makeDue)
	if r := one(t, s.recover(durable.Options{})); r.Outcome != durable.DeadLetter || r.Err == nil || !r.Due.IsZero() {
		t.Fatalf("a dead letter: %+v", r)
	}
	if r := one(t, s.recover(durable.Options{Expire: 300 * time.Hour})); r.Outcome != durable.DeadLetter {
		t.Fatalf("it is not old enough to expire: %+v", r)
	}
	if n := len(readLines(s.log)); n != tried {
		t.Fatal("a dead letter was tried without being asked")
	}
	if r := one(t, s.recover(durable.Options{Retry: true})); r.Outcome != durable.DeadLetter || r.Attempts != durable.MaxAttempts+1 {
		t.Fatalf("a dead letter, retried: %+v", r)
	}
	if n := len(readLines(s.log)); n != tried+1 {
		t.Fatalf("Retry tried it %d times", n-tried)
	}
	s.shift(path, makeDue)
	if r := one(t, s.recover(durable.Options{Expire: time.Hour})); r.Outcome != durable.Expired {
		t.Fatalf("an old dead letter: %+v", r)
	}
	s.waitEmpty()
}

func TestRetryDoesNotWait(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("bad", "fail", 1))
	s.recover(durable.Options{})
	if r := one(t, s.recover(durable.Options{Retry: true})); r.Outcome != durable.Failed || r.Attempts != 2 {
		t.Errorf("%+v", r)
	}
	s.edit(path, func(r *journal.Record) { r.Payload = inJSON(t, s.note("good now")) })
	if r := one(t, s.recover(durable.Options{Retry: true})); r.Outcome != durable.Settled || r.Attempts != 3 || r.Err != nil {
		t.Errorf("%+v", r)
	}
	s.checkLog("bad", "bad", "good now")
	s.waitEmpty()
}

// TestClockSetBack: a clock that was set back by days must not make records wait for days.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("late", "", 1))
	s.edit(path, func(r *journal.Record) { r.Attempts, r.Tried = 1, time.Now().Add(48*time.Hour) })
	if r := one(t, s.recover(durable.Options{})); r.Outcome != durable.Settled {
		t.Errorf("%+v", r)
	}
}

// TestSettlerKilled: an attempt that ends the process that makes it is counted before it begins.
func TestSettlerKilled(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("deadly", "die", 1), s.noteRecord("beside", "", 2))
	for attempt := 1; attempt <= durable.MaxAttempts; attempt++ {
		s.start("recover").Wait().Check(t, "signal killed")
		if now := s.content(path); len(now) != 1 || now[0].Attempts != attempt || now[0].Dead {
			t.Fatalf("after attempt %d the records are %+v", attempt, now)
		}
		s.shift(path, keepOff)
		s.start("recover").Wait().Check(t, "exit 0") // too soon
		s.shift(path, makeDue)
	}
	if r := one(t, s.recover(durable.Options{})); r.Outcome != durable.DeadLetter || r.Err == nil {
		t.Errorf("%+v", r)
	}
	if lines := readLines(s.log); len(lines) != 1+durable.MaxAttempts {
		t.Errorf("the log has %q", lines)
	}
}

// TestAttemptThatDoesNotReturn as it should fails like any other, and its report says why.
func TestAttemptThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("a", "panic", 1), s.noteRecord("b", "goexit", 2), s.noteRecord("c", "bad error", 3), s.noteRecord("good", "", 4))
	r := s.recover(durable.Options{})
	checkCount(t, r, 1, durable.Settled)
	left := s.content(path)
	for i, want := range []string{"panic: told to panic", "runtime.Goexit", "panic: told to panic in Error"} {
		if rec := r.Journals[0].Records[i]; rec.Outcome != durable.Failed || !strings.Contains(rec.Err.Error(), want) || rec.Due.IsZero() {
			t.Errorf("%+v, want %q", rec, want)
		}
		if !strings.Contains(left[i].LastError, want) {
			t.Errorf("the journal says %q, want %q", left[i].LastError, want)
		}
	}
}

// TestTimeoutOfEach: an attempt has its hook's timeout, and one that overruns takes nothing from the others.
func TestTimeoutOfEach(t *testing.T) {
	t.Parallel()
	s := newState(t)
	slow := s.noteRecord("slow", "until done", 2)
	slow.Timeout = 20 * time.Millisecond
	s.orphan(gone(), s.noteRecord("first", "", 1), slow, s.noteRecord("last", "", 3))
	r := s.recover(durable.Options{})
	checkCount(t, r, 2, durable.Settled)
	if rec := r.Journals[0].Records[1]; rec.Outcome != durable.Failed || !errors.Is(rec.Err, context.DeadlineExceeded) {
		t.Errorf("%+v", rec)
	}
	s.checkLog("last", "slow", "first")
}

func TestUnknownKinds(t *testing.T) {
	t.Parallel()
	s := newState(t)
	other := gone()
	other.Program, other.Command = "example.com/other", "other"
	mine := s.orphan(gone(), journal.Record{Kind: program + ":no such", Name: "a"}, journal.Record{Kind: "future", Name: "b"}, s.noteRecord("known", "", 9))
	theirs := s.orphan(other, journal.Record{Kind: "example.com/other:x", Name: "c"}, journal.Record{Kind: program + ":note", Name: "d", Payload: inJSON(t, s.note("d"))})
	for range 2 {
		r := s.recover(durable.Options{})
		if len(r.Journals) != 1 || r.Journals[0].Path != mine {
			t.Fatalf("Recover looked at %v, want this program's only", r)
		}
		checkCount(t, r, 2, durable.Unknown)
	}
	s.checkLog("known")
	r, err := durable.Sweep(t.Context(), durable.Options{Dir: s.dir, Retry: true, Expire: 1})
	fatal(t, err)
	checkCount(t, r, 3, durable.Unknown)
	text := r.String()
	for _, want := range []string{`no kind "future"`, "start example.com/other", `no kind "` + program + `:no such"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if len(s.content(mine)) != 2 || len(s.content(theirs)) > 2 {
		t.Error("unknown records were touched")
	}
	for _, rec := range append(s.content(mine), s.content(theirs)[0]) {
		if rec.Attempts != 0 {
			t.Errorf("an unknown kind was attempted: %+v", rec)
		}
	}
}
