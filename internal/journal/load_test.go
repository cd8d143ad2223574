package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func fileSize(t *testing.T, j *Journal) int64 {
	t.Helper()
	info, err := j.file.Stat()
	fatal(t, err)
	return info.Size()
}

// TestMillion: a million records that come and go leave the file as it was.
func TestMillion(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, Options{})
	r := Record{Kind: "k", Name: "n", Payload: make([]byte, 100)}
	for i := range 1_000_000 / slow {
		ref, err := j.Append(&r)
		fatal(t, err)
		if i%10 == 0 {
			ref, err = j.Replace(ref, &r)
			fatal(t, err)
		}
		fatal(t, j.Strike(ref))
	}
	checkEqual(t, r.ID, uint64(1_000_000/slow))
	checkEqual(t, fileSize(t, j), int64(firstSize))
	checkEqual(t, len(j.at), firstSize/SlotSize)
	_, c := orphan(t, j)
	checkList(t, c)
}

// TestManyLive: so many that they don't fit into one window, struck in any order; the space is used again.
func TestManyLive(t *testing.T) {
	t.Parallel()
	const n = 100_000
	j := newTestJournal(t, Options{})
	refs := make([]Ref, n)
	for i := range refs {
		refs[i] = mustAppend(t, j, Record{Kind: "k", Name: fmt.Sprint(i + 1), Payload: make([]byte, i%400)})
	}
	checkEqual(t, j.Live(), n)
	if size := fileSize(t, j); size > n*2*SlotSize {
		t.Errorf("the file has %d bytes", size)
	}
	_, c, err := Read(j.Path())
	fatal(t, err)
	for i, e := range c.Entries {
		if e.Record.ID != uint64(i+1) || e.Record.Name != fmt.Sprint(i+1) || len(e.Record.Payload) != i%400 {
			t.Fatalf("record %d is %+v", i+1, e.Record)
		}
	}
	checkEqual(t, len(c.Entries), n)
	rand.Shuffle(n, func(i, k int) { refs[i], refs[k] = refs[k], refs[i] })
	for _, ref := range refs[:n-10] {
		fatal(t, j.Strike(ref))
	}
	before := fileSize(t, j)
	for range n / 8 { // of another size than the ones before
		mustAppend(t, j, Record{Kind: "k", Payload: make([]byte, 1000)})
	}
	checkEqual(t, fileSize(t, j), before)
	k, c := orphan(t, j)
	checkEqual(t, len(c.Entries), n/8+10)
	checkEqual(t, k.Live(), n/8+10)
}

// TestConcurrent: several writers at once; what is there in the end is what they left.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, Options{})
	left := make([]map[uint64]uint32, 8) // revision by ID
	var group sync.WaitGroup
	for g := range left {
		left[g] = make(map[uint64]uint32)
		group.Go(func() { left[g] = writeSome(t, j) })
	}
	group.Wait()
	k, c := orphan(t, j)
	n := 0
	for _, m := range left {
		for id, revision := range m {
			n++
			i, ok := slices.BinarySearchFunc(c.Entries, id, func(e Entry, id uint64) int { return int(int64(e.Record.ID - id)) })
			if !ok || c.Entries[i].Record.Revision != revision {
				t.Errorf("record %d, revision %d is not there", id, revision)
			}
		}
	}
	checkEqual(t, len(c.Entries), n)
	checkEqual(t, len(c.Damaged), 0)
	checkEqual(t, k.Live(), n)
}

func writeSome(t *testing.T, j *Journal) map[uint64]uint32 {
	left := make(map[uint64]uint32)
	var refs []Ref
	for range 2000 / slow {
		r := Record{Kind: "k", Payload: make([]byte, rand.IntN(1500))}
		ref, err := j.Append(&r)
		if err == nil && rand.IntN(2) == 0 {
			ref, err = j.Replace(ref, &r)
		}
		if err != nil {
			t.Error(err)
			return nil
		}
		refs = append(refs, ref)
		left[r.ID] = r.Revision
		for len(refs) > 0 && rand.IntN(2) == 0 {
			i := rand.IntN(len(refs))
			if err := j.Strike(refs[i]); err != nil {
				t.Error(err)
			}
			delete(left, refs[i].id)
			refs = slices.Delete(refs, i, i+1)
		}
	}
	return left
}

// TestReadAlongside: a record that is replaced all the time, in turns at the beginning and at the end of the file, is in every
// reading, as one.
func TestReadAlongside(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, Options{})
	ref := mustAppend(t, j, Record{Name: "replaced"})
	const others = 1000
	for range others {
		mustAppend(t, j, Record{Payload: make([]byte, 100)})
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			var err error
			if ref, err = j.Replace(ref, &Record{Name: "replaced"}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 10 {
		_, c, err := Read(j.Path())
		fatal(t, err)
		if len(c.Entries) != others+1 || len(c.Damaged) > 0 || c.Entries[0].Record.Name != "replaced" {
			t.Errorf("a reading has %d records, the first is %+v; damaged: %v", len(c.Entries), c.Entries[0].Record, c.Damaged)
			break
		}
	}
	close(stop)
	group.Wait()
}

// TestWaitsForTheOther: who finds that somebody else is striking a record returns when that is done, not before.
func TestWaitsForTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newTestJournal(t, Options{})
		ref := mustAppend(t, j, Record{})
		j.mu.Lock()
		if !j.reserveLocked(ref) {
			t.Fatal("the record is not there")
		}
		j.mu.Unlock()
		returned := make(chan error, 2)
		go func() { returned <- j.Strike(ref) }() // both end with freeLocked
		go func() {
			_, err := j.Replace(ref, &Record{})
			returned <- err
		}()
		synctest.Wait()
		checkEqual(t, len(returned), 0)
		fatal(t, j.clear(ref))
		j.mu.Lock()
		j.freeLocked(ref)
		j.mu.Unlock()
		synctest.Wait()
		checkEqual(t, len(returned), 2)
		if err := errors.Join(<-returned, <-returned); !errors.Is(err, ErrStruck) {
			t.Errorf("Replace of a struck record: %v", err)
		}
		checkEqual(t, j.Live(), 0)
	})
}

// TestSameRecord: many strike and replace the same record at once. One ends it, whatever the others are told is true.
func TestSameRecord(t *testing.T) {
	t.Parallel()
	for range 60 / slow {
		j := newTestJournal(t, Options{})
		ref := mustAppend(t, j, Record{Name: "a"})
		mustAppend(t, j, Record{Name: "b"})
		var group sync.WaitGroup
		for g := range 4 {
			group.Go(func() {
				if g == 0 {
					if _, err := j.Replace(ref, &Record{Name: "a"}); err != nil && !errors.Is(err, ErrStruck) {
						t.Error(err)
					}
					return
				}
				if err := j.Strike(ref); err != nil {
					t.Error(err)
				}
				_, c, err := Read(j.Path())
				if err != nil || len(c.Entries) > 0 && c.Entries[0].Record.ID == 1 && c.Entries[0].Record.Revision == 1 {
					t.Errorf("after Strike returned: %s %v", list(c), err)
				}
			})
		}
		group.Wait()
		_, c := orphan(t, j)
		if got := list(c); got != "2.1 b\n" && got != "1.2 a\n2.1 b\n" {
			t.Errorf("the journal has\n%s", got)
		}
	}
}

// TestCloseWaits: Close returns when the writes that have begun are over.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newTestJournal(t, Options{})
		if !j.enter() {
			t.Fatal("a new journal is closed")
		}
		closed := make(chan error, 2)
		for range 2 {
			go func() { closed <- j.Close() }() // both end with leave
		}
		synctest.Wait()
		checkEqual(t, len(closed), 0)
		if j.enter() {
			t.Error("a write can begin while Close waits")
		}
		j.leave()
		synctest.Wait()
		checkEqual(t, len(closed), 2)
	})
}

// TestNoWriteAfterClose: nothing is written to a descriptor's number after Close, where another file may have it.
func TestNoWriteAfterClose(t *testing.T) {
	t.Parallel()
	for range 50 / slow {
		j := newTestJournal(t, Options{})
		other := j.Path() + ".other"
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for {
					if _, err := j.Append(&Record{}); err != nil {
						if !errors.Is(err, os.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		group.Go(func() {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(other, nil, 0o600); err != nil {
				t.Error(err)
			}
			f, err := os.OpenFile(other, os.O_RDWR, 0)
			if err == nil {
				t.Cleanup(func() { _ = f.Close() })
			}
		})
		group.Wait()
		b, err := os.ReadFile(other)
		fatal(t, err)
		if len(b) > 0 {
			t.Fatalf("%d bytes were written to another file", len(b))
		}
		if err := j.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Close again: %v", err)
		}
	}
}
