package durable_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/seam"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []durable.Options{{Limit: -1}, {Wait: -1}, {Expire: -1}} {
		if _, err := durable.Recover(t.Context(), o); err == nil || !strings.Contains(err.Error(), "durable.Options") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestNothingToRecover(t *testing.T) {
	t.Parallel()
	s := newState(t)
	fatal(t, os.Remove(s.dir))
	if r := s.recover(durable.Options{}); len(r.Journals) != 0 || exists(s.dir) {
		t.Errorf("%v; the folder was made: %v", r, exists(s.dir))
	}
}

// TestRecoverDoesNotOverlap: an attempt that outlives its Recover is still an attempt.
func TestRecoverDoesNotOverlap(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.orphan(gone(), s.noteRecord("slow", "wait", 1))
	for len(readLines(s.log)) == 0 { // on a busy machine the time may be over before it begins
		_, err := durable.Recover(t.Context(), durable.Options{Dir: s.dir, Limit: 100 * time.Millisecond})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	s.checkLog("slow")
	_, _ = durable.Recover(t.Context(), durable.Options{Dir: s.dir, Limit: 100 * time.Millisecond, Retry: true})
	s.checkLog("slow")
	fatal(t, os.WriteFile(s.log+".slow", nil, 0o600))
	testproc.Poll(t, "the end of the attempt", func() bool { return len(readLines(s.log)) > 1 })
	s.recover(durable.Options{Retry: true})
	s.waitEmpty()
}

// TestRecoverCanceled: it returns soon, with what a flow has in reserve, and what was not begun is not counted.
func TestRecoverCanceled(t *testing.T) {
	t.Parallel()
	s := newState(t)
	for range 3 {
		s.orphan(gone(), s.noteRecord("first", "", 1), s.noteRecord("second", "until done", 2))
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		r, err := durable.Recover(ctx, durable.Options{Dir: s.dir})
		if !errors.Is(err, context.Canceled) || len(r.Journals) != 1 {
			t.Errorf("%v: %v", err, r)
		}
		if took := time.Since(began) - time.Second; took > lastly.Reserve {
			t.Errorf("it returned %v after it was cancelled", took)
		}
	})
	s.checkLog("second")
}

// TestStopDuringRecovery: what Main waits for at its start is left when the program is to end, and goes on beside it.
func TestStopDuringRecovery(t *testing.T) {
	t.Parallel()
	s := newState(t)
	looked := &state{t: t, dir: os.Getenv("LASTLY_DIR"), log: s.log} // where Main looks; this process has a guard there, too
	path := looked.orphan(gone(), s.noteRecord("slow", "wait", 2))
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		began := time.Now()
		time.AfterFunc(time.Second, func() { close(stop) })
		seam.OfDurable.Recover(stop)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it returned %v after it was stopped", took-time.Second)
		}
		s.checkLog("slow")
		fatal(t, os.WriteFile(s.log+".slow", nil, 0o600))
		testproc.Poll(t, "the end of what had begun", func() bool { return !exists(path) })
	})
	s.checkLog("slow", "slow ended")
}

func TestRecoverWaits(t *testing.T) {
	t.Parallel()
	s := newState(t)
	s.orphan(gone(), s.noteRecord("one", "wait", 1))
	var first sync.WaitGroup
	first.Go(func() { s.recover(durable.Options{}) })
	s.waitLog("one")
	if r := s.recover(durable.Options{}); len(r.Journals) != 1 || r.Journals[0].State != durable.Settling {
		t.Errorf("while another one settles: %v", r)
	}
	var second sync.WaitGroup
	second.Go(func() {
		if r := s.recover(durable.Options{Wait: testproc.Limit}); r.Count(durable.Settled) != 0 {
			t.Errorf("%v", r)
		}
		if len(s.journals()) > 0 {
			t.Error("it did not wait")
		}
	})
	fatal(t, os.WriteFile(s.log+".one", nil, 0o600))
	first.Wait()
	second.Wait()
	s.checkLog("one", "one ended")
}

func TestEarlierBoot(t *testing.T) {
	t.Parallel()
	s := newState(t)
	file := s.beside("file")
	fatal(t, os.WriteFile(file, nil, 0o600))
	owner := gone()
	owner.Boot, owner.Pid, owner.Start = "00000000-0000-0000-0000-000000000000", os.Getpid(), 1
	s.orphan(owner, s.noteRecord("after the boot", "", 1))
	checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
	s.checkLog("after the boot")
	s.waitEmpty()
}

// TestElsewhere leaves what can't be judged from here.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*journal.Owner){
		"another host":      func(o *journal.Owner) { o.Boot, o.Host = "another boot", "another host" },
		"unknown host":      func(o *journal.Owner) { o.Boot, o.Host = "another boot", "" },
		"no boot, no host":  func(o *journal.Owner) { o.Boot, o.Host = "", "" },
		"no boot, our host": func(o *journal.Owner) { o.Boot, o.Host = "", "x" },
	} {
		s, owner := newState(t), gone()
		change(&owner)
		path := s.orphan(owner, s.noteRecord("elsewhere", "", 1))
		r := s.recover(durable.Options{Retry: true})
		if len(r.Journals) != 1 || r.Journals[0].State != durable.Elsewhere || r.Journals[0].Why == "" {
			t.Errorf("%s: %v", what, r)
		}
		if len(s.content(path)) != 1 || exists(s.log) {
			t.Errorf("%s: it was touched", what)
		}
	}
}

// TestAliveIsLeft: also if the owner has lost its lock.
func TestAliveIsLeft(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.orphan(self(t), s.noteRecord("mine", "", 1))
	r := s.recover(durable.Options{Retry: true})
	if len(r.Journals) != 1 || r.Journals[0].State != durable.Alive || len(s.content(path)) != 1 || exists(s.log) {
		t.Errorf("%v", r)
	}
}

// TestManySettlers lets several recover the same journals at once: each record is settled once.
func TestManySettlers(t *testing.T) {
	t.Parallel()
	s := newState(t)
	var want []string
	for j := range 20 {
		var records []journal.Record
		for k := range 20 {
			line := strings.Repeat("j", j+1) + strings.Repeat("k", k+1)
			records = append(records, s.noteRecord(line, "", uint64(k)))
			want = append(want, line)
		}
		s.orphan(gone(), records...)
	}
	var all sync.WaitGroup
	for range 3 {
		p := s.start("recover")
		all.Go(func() { p.Wait().Check(t, "exit 0") })
		all.Go(func() { s.recover(durable.Options{Wait: testproc.Limit}) })
	}
	all.Wait()
	s.waitLog(want...)
	s.waitEmpty()
}

// TestHostileFiles: nothing in the folder, however made, stops a recovery, or is taken for a journal.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	s := newState(t)
	good, err := os.ReadFile(s.orphan(gone(), s.noteRecord("good", "", 1)))
	fatal(t, err)
	flipped := append([]byte(nil), good...)
	flipped[100] ^= 1
	version := append([]byte(nil), good...)
	version[8] = 99
	for name, text := range map[string][]byte{
		"empty": {}, "zeros": make([]byte, 8192), "text": []byte("hello\n"), "cut": good[:1000], "header only": good[:4096],
		"flipped": flipped, "version": version, "uneven": good[:4096+300],
	} {
		fatal(t, os.WriteFile(filepath.Join(s.dir, name+journal.Suffix), text, 0o600))
	}
	fatal(t, os.WriteFile(filepath.Join(s.dir, "readable"+journal.Suffix), good, 0o600))
	fatal(t, os.Chmod(filepath.Join(s.dir, "readable"+journal.Suffix), 0o644))
	fatal(t, os.Mkdir(filepath.Join(s.dir, "folder"+journal.Suffix), 0o700))
	elsewhere := s.beside("elsewhere")
	fatal(t, os.WriteFile(elsewhere, good, 0o600))
	fatal(t, os.Symlink(elsewhere, filepath.Join(s.dir, "link"+journal.Suffix)))
	sparse := filepath.Join(s.dir, "sparse"+journal.Suffix)
	fatal(t, os.WriteFile(sparse, good, 0o600))
	fatal(t, os.Truncate(sparse, 64<<20))
	odd := makeOdd(t, s.dir)
	fatal(t, os.WriteFile(filepath.Join(s.dir, "unrelated"), nil, 0o600))
	r := s.recover(durable.Options{})
	states := make(map[string]durable.State)
	for _, j := range r.Journals {
		states[strings.TrimSuffix(filepath.Base(j.Path), journal.Suffix)] = j.State
	}
	for _, name := range append(odd, "empty", "zeros", "text", "cut", "flipped", "version", "readable", "folder", "link") {
		if states[name] != durable.Unusable || !exists(filepath.Join(s.dir, name+journal.Suffix)) {
			t.Errorf("%s is %q, and must be left", name, states[name])
		}
	}
	if text, _ := os.ReadFile(elsewhere); string(text) != string(good) {
		t.Error("what the link points to was changed")
	}
	s.waitLog("good", "good", "good") // itself, and two copies that say the same: one is longer, one is cut where it matters not
}
