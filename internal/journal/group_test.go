package journal

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestGroupCommit: ten that write while a sync is under way share the next one.
func TestGroupCommit(t *testing.T) {
	j := newTestJournal(t, Options{Sync: true})
	var syncs atomic.Int32
	begun, goOn := make(chan struct{}, 100), make(chan struct{})
	sync1 := j.group.sync
	j.group.sync = func() error {
		syncs.Add(1)
		begun <- struct{}{}
		<-goOn
		return sync1()
	}
	var group sync.WaitGroup
	write := func() {
		group.Go(func() {
			if _, err := j.Append(&Record{Name: "r"}); err != nil {
				t.Error(err)
			}
		})
	}
	write()
	<-begun
	for range 10 {
		write()
	}
	testproc.Poll(t, "ten writers", func() bool {
		j.group.mu.Lock()
		defer j.group.mu.Unlock()
		return j.group.written == 11
	})
	close(goOn)
	group.Wait()
	checkEqual(t, syncs.Load(), int32(2))
	// Each gets a sync that began after its write.
	ref := mustAppend(t, j, Record{})
	checkEqual(t, syncs.Load(), int32(3))
	ref, err := j.Replace(ref, &Record{})
	fatal(t, err)
	checkEqual(t, syncs.Load(), int32(4))
	fatal(t, j.Strike(ref))
	checkEqual(t, syncs.Load(), int32(4))
}

// TestSyncFails: what may not be on disk is not acknowledged, and neither is anything after that: the kernel forgets what it could
// not write, so that the next sync would lie.
func TestSyncFails(t *testing.T) {
	j := newTestJournal(t, Options{Sync: true})
	a := mustAppend(t, j, Record{Name: "a"})
	good := j.group.sync
	j.group.sync = func() error { return syscall.EIO }
	r := Record{Name: "b"}
	if ref, err := j.Append(&r); !errors.Is(err, syscall.EIO) || ref != (Ref{}) || r.ID != 0 {
		t.Errorf("Append: %v %v", ref, err)
	}
	j.group.sync = good
	if _, err := j.Append(&r); !errors.Is(err, syscall.EIO) {
		t.Errorf("Append after that: %v", err)
	}
	if _, err := j.Replace(a, &r); !errors.Is(err, syscall.EIO) {
		t.Errorf("Replace after that: %v", err)
	}
	checkEqual(t, j.Live(), 1)
	_, c := orphan(t, j)
	checkList(t, c, "1.1 a")
}

// TestSettlerSyncs: what replaces a record that survives power loss survives it as well.
func TestSettlerSyncs(t *testing.T) {
	j := newTestJournal(t, Options{Sync: true})
	for range 300 {
		mustAppend(t, j, Record{Payload: make([]byte, 300)})
	}
	k, c := orphan(t, j)
	checkEqual(t, len(c.Entries), 300)
	if k.group == nil {
		t.Fatal("a settler does not sync")
	}
	syncs := 0
	k.group.sync = func() error { syncs++; return nil }
	_, err := k.Replace(c.Entries[0].Ref, &c.Entries[0].Record)
	fatal(t, err)
	checkEqual(t, syncs, 1)
	j = newTestJournal(t, Options{})
	if k, _ = orphan(t, j); k.group != nil {
		t.Error("a settler syncs what its owner did not")
	}
}
