package cli_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestSweep: a dry run says what would be done and does nothing; a sweep does it, and leaves what lives.
func TestSweep(t *testing.T) {
	m := newMachine(t)
	dead, alive := file(t), file(t)
	m.owner("remove " + alive) // first: it settles what earlier runs of it left
	m.dead("remove "+dead, "seat x")
	dry := run(t, "sweep", "--dry-run").check(0)
	dry.has(dry.out, "would settle", dead, "its program's").lacks(dry.out, alive)
	if gone(dead) {
		t.Fatal("the dry run removed it")
	}
	r := run(t, "sweep").check(0) // the seat is of this program, which is the test's, and so it is settled as well
	r.has(r.out, "settled", "a remove").lacks(r.out, alive).has(r.err, "2 settled, 0 failed")
	if !gone(dead) || gone(alive) {
		t.Error("the dead owner's is left, or the living one's gone")
	}
	if n := len(list(t).Owners); n != 1 {
		t.Errorf("%d owners are left, want the living one", n)
	}
}

// TestSweepFails: something that fails makes code 1, and waits for its time.
func TestSweepFails(t *testing.T) {
	m := newMachine(t)
	m.dead("exec echo why >&2; exit 3")
	r := run(t, "sweep").check(1)
	r.has(r.out, "failed", "exit status 3", "why").has(r.err, "lastly retry", "lastly forget")
	dry := run(t, "sweep", "--dry-run").check(0)
	dry.has(dry.out, "waits")
	r = run(t, "sweep").check(0)
	r.has(r.out, "waiting")
}

// TestSweepInterrupted: Ctrl-C ends a sweep after the record that it is at; the others are as they were.
func TestSweepInterrupted(t *testing.T) {
	m := newMachine(t)
	path, began := file(t), filepath.Join(t.TempDir(), "began")
	m.dead("remove "+path, "exec touch "+began+"; exec sleep 30")
	p := testproc.Start(t, "command", "sweep")
	testproc.Poll(t, "the command", func() bool { return !gone(began) })
	p.Signal(os.Interrupt)
	r := p.Wait()
	r.Check(t, "exit 130")
	r.CheckErr(t, "interrupted")
	records := list(t).Owners[0].Records
	if len(records) != 2 || records[0].Attempts != 0 || records[1].Attempts != 1 || gone(path) {
		t.Errorf("%+v", records)
	}
}

// TestSweepSockets: sockets of runs that were killed go, those of living ones stay.
func TestSweepSockets(t *testing.T) {
	m := newMachine(t)
	dead, alive := filepath.Join(m.dir, "run-1-dead.sock"), filepath.Join(m.dir, "run-1-alive.sock")
	for _, path := range []string{dead, alive} {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		t.Cleanup(func() { _ = ln.Close() })
		if path == dead {
			_ = ln.Close()
		}
	}
	run(t, "sweep").check(0)
	if !gone(dead) || gone(alive) {
		t.Error("the dead socket is left, or the living one gone")
	}
}

// TestDeadLetter: retry tries one record at once, until it is a dead letter; forget drops that and nothing else.
func TestDeadLetter(t *testing.T) {
	m := newMachine(t)
	path := file(t)
	m.dead("exec test -e " + path + ".go")
	run(t, "sweep").check(1)
	id := run(t, "list").check(0).first("a exec")
	r := run(t, "forget", id).check(1)
	r.has(r.err, "no dead letter", "--force")
	for range 7 {
		r = run(t, "retry", id).check(1)
		r.has(r.err, "exit status 1")
	}
	r = run(t, "list").check(0)
	r.has(r.out, "1 dead letter", "8 attempts", "exit status 1")
	run(t, "sweep").check(1)
	if err := os.WriteFile(path+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := list(t).Owners[0].Records[0].ID
	r = run(t, "retry", full).check(0)
	r.has(r.out, "settled", full)
	r = run(t, "retry", full).check(3)
	r.has(r.err, "lastly list")
}

// TestForget: what is forgotten stays as it is.
func TestForget(t *testing.T) {
	m := newMachine(t)
	kept, other := file(t), file(t)
	m.dead("remove "+kept, "remove "+other)
	id := run(t, "list").check(0).first(kept)
	r := run(t, "forget", "--force", id).check(0)
	r.has(r.out, "forgotten")
	run(t, "sweep").check(0)
	if gone(kept) || !gone(other) {
		t.Error("the forgotten one is gone, or the other left")
	}
}

// TestLiving: what lives is not touched from outside.
func TestLiving(t *testing.T) {
	m := newMachine(t)
	path := file(t)
	m.owner("remove " + path)
	id := run(t, "list").check(0).first(path)
	for _, args := range [][]string{{"retry", id}, {"forget", "--force", id}, {"retry", "--all"}} {
		r := run(t, args...)
		if args[1] != "--all" {
			r.check(1).has(r.err, "its owner lives")
		}
		if gone(path) || len(list(t).Owners[0].Records) != 1 {
			t.Fatalf("%q touched it", args)
		}
	}
}

// TestNames: ids that name nothing, or are none.
func TestNames(t *testing.T) {
	m := newMachine(t)
	m.dead("exec exit 0")
	id := list(t).Owners[0].ID
	for word, code := range map[string]int{"x": 3, "zzzzzzzz-1": 3, id + "-99": 3, id[:3] + "-1": 2, id + "-x": 3, id: 3} {
		r := run(t, "retry", word).check(code)
		r.has(r.err, "lastly list")
	}
	run(t, "retry", id[:6]+"-1").check(0)
	if strings.Contains(run(t, "list").out, "exec") {
		t.Error("it is left")
	}
}

// TestSweepUnusable: a journal that can't be read is not passed over in silence.
func TestSweepUnusable(t *testing.T) {
	m := newMachine(t)
	m.dead("remove " + file(t))
	names, err := filepath.Glob(filepath.Join(m.dir, "*.journal"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := os.WriteFile(names[0], []byte("no journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, "sweep").check(1)
	r.has(r.out, "unusable").has(r.err, "1 journal could not be used")
}
