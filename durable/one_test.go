package durable_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/seam"
)

// settleOne is what the command does for `retry ID` and `forget ID`.
func settleOne(t *testing.T, path string, id uint64, forget bool) durable.JournalReport {
	t.Helper()
	return seam.OfDurable.SettleOne(t.Context(), path, id, forget).(durable.JournalReport)
}

// TestSettleOne: one record is tried, whether it is due or not, and the others are left as they are.
func TestSettleOne(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("one", "", 1), s.noteRecord("bad", "fail", 2), s.noteRecord("three", "", 3))
	for attempt := 1; attempt <= 2; attempt++ {
		r := settleOne(t, path, 2, false)
		if len(r.Records) != 1 || r.Records[0].Outcome != durable.Failed || r.Records[0].Attempts != attempt {
			t.Fatalf("attempt %d: %+v", attempt, r)
		}
	}
	if r := settleOne(t, path, 3, false); len(r.Records) != 1 || r.Records[0].Outcome != durable.Settled {
		t.Fatalf("%+v", r)
	}
	s.checkLog("bad", "bad", "three")
	if r := settleOne(t, path, 3, false); len(r.Records) != 0 {
		t.Errorf("a record that is struck: %+v", r)
	}
	if r := settleOne(t, path, 2, true); len(r.Records) != 1 || r.Records[0].Outcome != durable.Expired {
		t.Errorf("forget: %+v", r)
	}
	s.checkLog("bad", "bad", "three")
	settleOne(t, path, 1, false)
	s.waitEmpty()
}

// TestSettleOneBusy: nothing is done while somebody else settles, nor while the owner lives.
func TestSettleOneBusy(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("one", "", 1))
	f, _, err := journal.Peek(path)
	fatal(t, err)
	defer f.Close()
	if ok, err := filelock.TrySettle(f); !ok || err != nil {
		t.Fatal(err)
	}
	for _, forget := range []bool{false, true} {
		if r := settleOne(t, path, 1, forget); r.State != durable.Settling || len(r.Records) != 0 {
			t.Errorf("%+v", r)
		}
	}
	s.checkLog()
}

// TestCanceledBeginsNoOther: who cancels leaves after the record that it is at; the others are as they were, no attempt is
// counted against them.
func TestCanceledBeginsNoOther(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(gone(), s.noteRecord("first", "", 1), s.noteRecord("second", "until done", 2))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var r durable.Report
	var err error
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		r, err = durable.Recover(ctx, durable.Options{Dir: s.dir})
	}()
	s.waitLog("second")
	cancel()
	<-done
	if !errors.Is(err, context.Canceled) || r.Count(durable.Waiting) != 1 {
		t.Errorf("%v: %v", err, r)
	}
	_, content, err := journal.Read(path)
	fatal(t, err)
	if rec := content.Entries[0].Record; rec.Name != "first" || rec.Attempts != 0 {
		t.Errorf("%+v", rec)
	}
	for _, line := range readLines(s.log) {
		if line == "first" {
			t.Error("first was begun")
		}
	}
}
