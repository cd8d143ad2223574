package journal

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/filelock"
)

// fullOwner and fullRecord use every field.
func fullOwner() Owner {
	return Owner{
		Program: "example.com/service", Command: "service", Host: "1f2e3d", Boot: "b007-1d", Namespace: 4026531836,
		Pid: 4711, Start: 123456, Pidfd: 99887766, Image: "8:1:1234:5678", UID: 1000,
		Created: time.Date(2026, 11, 22, 21, 20, 19, 18, time.UTC),
	}
}

func fullRecord() Record {
	return Record{
		Dead: true, Attempts: 5, Tried: time.Date(2026, 11, 22, 22, 1, 2, 3, time.UTC), LastError: "connection refused",
		Kind: "lastly.Remove", Name: "upload", Site: "example.com/service/upload.go:42", Uses: []string{"database", "log"},
		Last: true, BestEffort: true, Timeout: 1500 * time.Millisecond,
		Scopes:   []Scope{{ID: 1, Name: "process"}, {ID: 300, Name: "request", Uses: []string{"pool", ""}, Last: true}},
		Position: 1 << 40, Payload: []byte("{\"path\":\"/tmp/x\"}\x00\xff"),
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	j, err := Create(dir, fullOwner(), Options{})
	fatal(t, err)
	r, empty := fullRecord(), Record{}
	_, err = j.Append(&r)
	fatal(t, err)
	_, err = j.Append(&empty)
	fatal(t, err)
	if r.ID != 1 || r.Revision != 1 || empty.ID != 2 {
		t.Errorf("IDs %d and %d, revision %d; want 1, 2, 1", r.ID, empty.ID, r.Revision)
	}
	want := fullOwner()
	want.ID = j.Owner().ID
	checkEqual(t, j.Owner(), want)
	checkEqual(t, j.Path(), filepath.Join(dir, Name(4711, want.ID)))
	o, read, err := Read(j.Path()) // while the owner lives
	fatal(t, err)
	checkEqual(t, o, want)
	k, c := orphan(t, j)
	checkEqual(t, k.Owner(), want)
	for i, want := range []Record{r, empty} {
		checkEqual(t, c.Entries[i].Record, want)
		checkEqual(t, read.Entries[i].Record, want)
	}
	checkList(t, c, "1.1 upload", "2.1 ")
	checkEqual(t, k.Live(), 2)
}

func TestReplaceAndStrike(t *testing.T) {
	j := newTestJournal(t, Options{})
	a := mustAppend(t, j, Record{Name: "a"})
	b := mustAppend(t, j, Record{Name: "b", Payload: make([]byte, 3000)})
	r := Record{Name: "a2", Payload: make([]byte, 1000)}
	a2, err := j.Replace(a, &r)
	fatal(t, err)
	if r.ID != 1 || r.Revision != 2 {
		t.Errorf("ID %d, revision %d; want 1, 2", r.ID, r.Revision)
	}
	if _, err := j.Replace(a, &r); !errors.Is(err, ErrStruck) {
		t.Errorf("Replace of what was replaced: %v", err)
	}
	c := mustAppend(t, j, Record{Name: "c"}) // in the slot that a had
	checkEqual(t, c.slot, a.slot)
	fatal(t, j.Strike(a)) // the record lives on as a2
	fatal(t, j.Strike(b))
	fatal(t, j.Strike(b))
	fatal(t, j.Strike(Ref{}))
	checkEqual(t, j.Live(), 2)

	k, content := orphan(t, j)
	checkList(t, content, "1.2 a2", "3.1 c")
	if _, err := k.Append(&Record{}); !errors.Is(err, ErrSettler) {
		t.Errorf("Append by a settler: %v", err)
	}
	dead := content.Entries[0].Record
	dead.Dead, dead.Payload = true, make([]byte, 5000) // more than the file has between its records
	_, err = k.Replace(content.Entries[0].Ref, &dead)
	fatal(t, err)
	fatal(t, k.Strike(content.Entries[1].Ref))
	checkEqual(t, k.Live(), 1)
	_, content = orphan(t, k)
	checkList(t, content, "1.3 a2")
	if !content.Entries[0].Record.Dead {
		t.Error("the new revision lacks its change")
	}
	if _, err := j.Replace(a2, &r); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Replace after Close: %v", err)
	}
}

// TestLocked: the lock is there before the name, and nobody settles before it is free.
func TestLocked(t *testing.T) {
	j := newTestJournal(t, Options{})
	if _, _, err := Open(j.Path()); !errors.Is(err, ErrBusy) {
		t.Errorf("Open of a living owner's: %v", err)
	}
	k, _ := orphan(t, j)
	if _, _, err := Open(j.Path()); !errors.Is(err, ErrBusy) {
		t.Errorf("Open of one that is being settled: %v", err)
	}
	f, err := os.OpenFile(j.Path(), os.O_RDWR, 0)
	fatal(t, err)
	defer f.Close()
	fatal(t, k.Remove())
	if ok, err := filelock.TryLock(f); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, _, err := OpenLocked(f, j.Path()); !errors.Is(err, ErrGone) {
		t.Errorf("OpenLocked of a removed one: %v", err)
	}
}

// TestBornLocked: whoever sweeps the folder finds no journal of a living owner unlocked, also not in the moment in which it is
// made.
func TestBornLocked(t *testing.T) {
	t.Parallel()
	dir, stop := t.TempDir(), make(chan struct{})
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		for {
			paths, _ := filepath.Glob(filepath.Join(dir, "*"+Suffix))
			for _, path := range paths {
				if j, _, err := Open(path); err == nil {
					t.Errorf("%s was taken for an orphan's", path)
					_ = j.Remove()
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 300 {
		j, err := Create(dir, Owner{Pid: 1}, Options{})
		fatal(t, err)
		if ended, err := j.RemoveIfEmpty(); !ended || err != nil {
			t.Fatal(ended, err)
		}
	}
	close(stop)
	sweeper.Wait()
}

func TestRemove(t *testing.T) {
	j := newTestJournal(t, Options{})
	fatal(t, os.Rename(j.Path(), j.Path()+".old"))
	fatal(t, os.WriteFile(j.Path(), []byte("another"), 0o600))
	fatal(t, j.Remove())
	if b, err := os.ReadFile(j.Path()); string(b) != "another" {
		t.Errorf("Remove took another file: %v", err)
	}
	if err := j.Remove(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Remove after Remove: %v", err)
	}
	j = newTestJournal(t, Options{})
	fatal(t, os.Remove(j.Path()))
	fatal(t, j.Remove())
	j = newTestJournal(t, Options{})
	fatal(t, j.Remove())
	if _, err := os.Lstat(j.Path()); !os.IsNotExist(err) {
		t.Errorf("after Remove: %v", err)
	}
	if _, err := j.Append(&Record{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append after Remove: %v", err)
	}
}

func TestTooBig(t *testing.T) {
	j := newTestJournal(t, Options{})
	mustAppend(t, j, Record{Payload: make([]byte, MaxPayload)})
	long := strings.Repeat("n", MaxPayload)
	r := Record{Name: long, Site: "s", Payload: make([]byte, MaxPayload-200)}
	mustAppend(t, j, r)
	tooMany := math.MaxInt32
	tooMany++
	for _, c := range []struct {
		r    Record
		want error
		text string
	}{
		{Record{Payload: make([]byte, MaxPayload+1)}, ErrTooBig, "65537 bytes, the most is 65536"},
		{Record{Name: long, Uses: []string{long}}, ErrTooBig, "the most is 131072"},
		{Record{Attempts: -1}, ErrInvalid, "-1 attempts"},
		{Record{Attempts: tooMany}, ErrInvalid, "attempts"},
	} {
		_, err := j.Append(&c.r)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), j.Path()) {
			t.Errorf("got %v, want %v with %q and the path", err, c.want, c.text)
		}
		checkEqual(t, c.r.ID, uint64(0))
	}
	checkEqual(t, j.Live(), 2)
	for _, o := range []Owner{{Program: strings.Repeat("p", 5000)}, {Pid: -1}, {UID: -2}} {
		dir := t.TempDir()
		if _, err := Create(dir, o, Options{}); !errors.Is(err, ErrTooBig) && !errors.Is(err, ErrInvalid) {
			t.Errorf("Create: %v", err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("Create left %v", left)
		}
	}
}

// TestLimits: numbers that can't grow any more are errors, and leave everything as it was.
func TestLimits(t *testing.T) {
	j := newTestJournal(t, Options{})
	ref := mustAppend(t, j, Record{Name: "a"})
	free := j.space
	j.space = space{end: maxFile / SlotSize}
	if _, err := j.Append(&Record{}); !errors.Is(err, ErrTooBig) || !strings.Contains(err.Error(), "the most is 4294967296") {
		t.Errorf("Append to a full journal: %v", err)
	}
	j.space = free
	mustAppend(t, j, Record{Name: "b"})
	ref.revision = math.MaxUint32
	r := Record{Name: "a"}
	if _, err := j.Replace(ref, &r); !errors.Is(err, ErrInvalid) || r.ID != 0 {
		t.Errorf("Replace of the last revision: %v", err)
	}
	fatal(t, j.Strike(ref))
	_, c := orphan(t, j)
	checkList(t, c, "2.1 b")
}

func TestCut(t *testing.T) {
	j := newTestJournal(t, Options{})
	for _, c := range []struct{ text, want string }{
		{strings.Repeat("e", 512), strings.Repeat("e", 512)},
		{strings.Repeat("e", 513), strings.Repeat("e", 512)},
		{strings.Repeat("e", 511) + "ä", strings.Repeat("e", 511)},
		{strings.Repeat("\x80", 600), strings.Repeat("\x80", 512)},
	} {
		r := Record{LastError: c.text}
		ref, err := j.Append(&r)
		fatal(t, err)
		_, content, err := Read(j.Path())
		fatal(t, err)
		checkEqual(t, content.Entries[0].Record.LastError, c.want)
		fatal(t, j.Strike(ref))
	}
}

// TestNothingLeftInSlots: a struck record's bytes are gone when its slots are used again, and no record is found in the rest.
func TestNothingLeftInSlots(t *testing.T) {
	j := newTestJournal(t, Options{})
	secret := bytes.Repeat([]byte("secret.."), 60)
	fatal(t, j.Strike(mustAppend(t, j, Record{Payload: secret})))
	mustAppend(t, j, Record{Payload: make([]byte, 600)})
	b, err := os.ReadFile(j.Path())
	fatal(t, err)
	if bytes.Contains(b, []byte("secret")) {
		t.Error("the secret is still there")
	}
}

// TestCopyInPayload: a record's bytes in another one's payload are none, not even with the right mark on a slot's border.
func TestCopyInPayload(t *testing.T) {
	j := newTestJournal(t, Options{})
	ref := mustAppend(t, j, Record{Name: "original"})
	b, err := os.ReadFile(j.Path())
	fatal(t, err)
	original := b[ref.slot*SlotSize:][:SlotSize]
	host := Record{Payload: make([]byte, 4*SlotSize)}
	empty, err := appendRecord(nil, &host)
	fatal(t, err)
	for at := 2*SlotSize - (len(empty) - len(host.Payload)); at+SlotSize <= len(host.Payload); at += SlotSize {
		copy(host.Payload[at:], original)
	}
	ref = mustAppend(t, j, host)
	_, c, err := Read(j.Path())
	fatal(t, err)
	checkList(t, c, "1.1 original", "2.1 ")
	fatal(t, j.Strike(ref)) // now its payload lies bare
	_, c, err = Read(j.Path())
	fatal(t, err)
	if len(c.Entries) != 1 || len(c.Damaged) == 0 {
		t.Errorf("a copy came alive, or was not where a head can be: %s", list(c))
	}
}
