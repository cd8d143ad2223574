package durable_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/testproc"
)

// recordOf registers something, and returns what is in the journal of it; the record itself is struck again.
func recordOf[P any](t *testing.T, k *durable.Kind[P], payload P) journal.Record {
	t.Helper()
	name := fresh("record of")
	r, err := k.Register(&lastly.Scope{}, payload, lastly.Hook{Name: name})
	fatal(t, err)
	records := named(t, name)
	if len(records) != 1 || !r.Cancel() {
		t.Fatalf("the records are %+v", records)
	}
	return records[0]
}

// TestKillHarmsNoBystander: a number that belongs to another process now, or did in another boot, is nobody's.
func TestKillHarmsNoBystander(t *testing.T) {
	t.Parallel()
	s := newState(t)
	cmd := exec.Command("sleep", "100")
	fatal(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	meant := recordOf(t, durable.Kill, durable.Process{Pid: cmd.Process.Pid})
	otherBoot := meant
	otherBoot.Payload = bytes.ReplaceAll(meant.Payload, []byte(proc.BootID()), []byte("00000000-0000-0000-0000-000000000000"))
	if bytes.Equal(otherBoot.Payload, meant.Payload) {
		t.Fatalf("no boot in %s", meant.Payload)
	}
	s.orphan(gone(), otherBoot)
	checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
	if _, alive := look(cmd.Process.Pid); !alive {
		t.Fatal("a process was killed for one of an earlier boot")
	}
	s.orphan(gone(), meant)
	checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
	if _, alive := look(cmd.Process.Pid); alive {
		t.Error("the process that was meant lives")
	}
	_ = cmd.Wait()
	s.orphan(gone(), meant)
	checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
}

// TestPathOfTheLiving: a path that its users named belongs to the living process that registered it, too.
func TestPathOfTheLiving(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.beside("named by somebody")
	record := recordOf(t, durable.Remove, durable.Path{Path: path})
	p := s.start("guarded", s.log, "file "+path)
	p.WaitLine("ready")
	fatal(t, os.WriteFile(path, nil, 0o600))
	s.orphan(gone(), record)
	found := false
	for _, j := range s.recover(durable.Options{}).Journals {
		for _, r := range j.Records {
			found = true
			if r.Outcome != durable.Failed || !strings.Contains(r.Err.Error(), "a living process has recorded the same path") {
				t.Errorf("%+v", r)
			}
		}
	}
	if !found || !exists(path) {
		t.Errorf("tried: %v, the file is there: %v", found, exists(path))
	}
	killed(t, p)
	s.checkNoGuards()
	if exists(path) {
		t.Error("the guard of the one that named it last left it")
	}
	s.recoverAll()
}

// TestPathRegisteredAgain: a new instance registers the path of the old one before that one's guard comes to it.
func TestPathRegisteredAgain(t *testing.T) {
	t.Parallel()
	s := newState(t)
	path := s.beside("socket")
	first := s.start("guarded", s.log, "file "+path, "slow=wait")
	first.WaitLine("ready")
	fatal(t, os.WriteFile(path, []byte("old"), 0o600))
	killed(t, first)
	s.waitLog("slow")
	second := s.start("guarded", s.log, "file "+path)
	second.WaitLine("ready")
	fatal(t, os.Remove(path))
	fatal(t, os.WriteFile(path, []byte("new"), 0o600))
	fatal(t, os.WriteFile(s.log+".slow", nil, 0o600))
	s.oneReport()
	if text, _ := os.ReadFile(path); string(text) != "new" {
		t.Errorf("the old one's guard touched what the new one registered: %q", text)
	}
	killed(t, second)
	s.checkNoGuards()
	s.recoverAll()
}

// TestPathReplaced: what has an identity and was replaced is gone if the next instance has registered the path; if nobody
// has, somebody should look.
func TestPathReplaced(t *testing.T) {
	t.Parallel()
	for _, registered := range []bool{true, false} {
		s := newState(t)
		path := s.beside("socket")
		fatal(t, os.WriteFile(path, []byte("old"), 0o600))
		record := recordOf(t, durable.Remove, durable.Path{Path: path})
		fatal(t, os.Remove(path))
		words := []string{s.log}
		if registered {
			words = append(words, "file "+path)
		}
		p := s.start("guarded", words...)
		p.WaitLine("ready")
		fatal(t, os.WriteFile(path, []byte("new"), 0o600))
		s.orphan(gone(), record)
		want := map[bool]durable.Outcome{true: durable.Settled, false: durable.Failed}[registered]
		checkCount(t, s.recover(durable.Options{}), 1, want)
		if text, _ := os.ReadFile(path); string(text) != "new" {
			t.Errorf("what replaced it was touched: %q", text)
		}
		killed(t, p)
	}
}

// recoverAll recovers until nothing is left: a guard that is gone for ps may hold its lock for a moment, and of two records
// about one path the older one's has to come first, whichever journal is looked at first.
func (s *state) recoverAll() {
	s.t.Helper()
	testproc.Poll(s.t, "an empty folder of journals", func() bool {
		s.recover(durable.Options{Retry: true})
		return len(s.journals()) == 0
	})
}
