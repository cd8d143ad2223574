package journal

import (
	"fmt"
	"math"
	"os"
	"sync"
)

// zeros is what a head is cleared with.
var zeros [clearSize]byte

// Append writes a new record and sets its ID and Revision. When it returns, the record is in the file; when it fails, the
// record is not, and r is as it was.
func (j *Journal) Append(r *Record) (Ref, error) {
	if j.opened {
		return Ref{}, j.failed("append to", ErrSettler)
	}
	ref, err := j.put(r, Ref{})
	if err != nil {
		return Ref{}, j.failed("append to", err)
	}
	r.ID, r.Revision = ref.id, ref.revision
	return ref, nil
}

// Replace writes a record in the place of another: the same ID, the next revision. It sets both in r. Whoever reads the file
// sees either the old or the new one, whenever the process is killed. When it fails, the old one is still there.
func (j *Journal) Replace(old Ref, r *Record) (Ref, error) {
	what := fmt.Sprintf("replace record %d in", old.id)
	j.mu.Lock()
	ok := j.reserveLocked(old)
	j.mu.Unlock()
	if !ok {
		return Ref{}, j.failed(what, ErrStruck)
	}
	ref, err := j.put(r, old)
	if err == nil {
		if err = j.clear(old); err != nil {
			j.abandon(ref)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.releaseLocked(old)
		return Ref{}, j.failed(what, err)
	}
	j.freeLocked(old)
	r.ID, r.Revision = ref.id, ref.revision
	return ref, nil
}

// Strike takes a record out of the file. It is no error if the record was struck or replaced before: then nothing happens.
func (j *Journal) Strike(ref Ref) error {
	j.mu.Lock()
	ok := j.reserveLocked(ref)
	j.mu.Unlock()
	if !ok {
		return nil
	}
	err := j.clear(ref)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.releaseLocked(ref)
		return j.failed(fmt.Sprintf("strike record %d in", ref.id), err)
	}
	j.freeLocked(ref)
	return nil
}

// reserveLocked keeps others from ending the same record. It waits for one who is at it, so that whoever finds the record gone
// can rely on that; it returns false then.
func (j *Journal) reserveLocked(ref Ref) bool {
	if ref.serial == 0 || int(ref.slot) >= len(j.at) {
		return false
	}
	for j.at[ref.slot] == ref.serial|busy {
		j.done.Wait()
	}
	if j.at[ref.slot] != ref.serial {
		return false
	}
	j.at[ref.slot] |= busy
	return true
}

func (j *Journal) releaseLocked(ref Ref) {
	j.at[ref.slot] = ref.serial
	j.done.Broadcast()
}

// put writes a record to free slots: as the next revision of an old one, or as a new one.
func (j *Journal) put(r *Record, old Ref) (Ref, error) {
	buffer := j.spare.Swap(nil) // one writer at a time saves most of what a sync.Pool costs
	if buffer == nil {
		buffer = buffers.Get().(*[]byte)
	}
	defer j.keep(buffer)
	b, err := appendRecord((*buffer)[:0], r)
	if err != nil {
		return Ref{}, err
	}
	length := len(b)
	if rest := -length & (SlotSize - 1); rest > 0 { // what was in the slots before is secret as well
		b = append(b, padding[:rest]...)
	}
	*buffer = b
	return j.putEncoded(b, length, old)
}

// buffers are for encoding.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (j *Journal) keep(buffer *[]byte) {
	if !j.spare.CompareAndSwap(nil, buffer) {
		buffers.Put(buffer)
	}
}

// padding fills a record's last slot.
var padding [SlotSize]byte

// putEncoded writes whole slots, of which a record takes the first length bytes.
func (j *Journal) putEncoded(b []byte, length int, old Ref) (Ref, error) {
	ref, err := j.take(len(b)/SlotSize, old)
	if err != nil {
		return Ref{}, err
	}
	seal(b, length, j.salt, ref.slot, ref.id, ref.revision)
	err = j.writeAt(b, int64(ref.slot)*SlotSize)
	if err == nil && j.group != nil {
		err = j.group.commit()
	}
	if err != nil {
		j.abandon(ref)
		return Ref{}, err
	}
	return ref, nil
}

// take finds room, an ID and a revision for a record.
func (j *Journal) take(n int, old Ref) (Ref, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return Ref{}, os.ErrClosed
	}
	id, revision := old.id, old.revision+1
	if old.serial == 0 {
		id = j.id + 1
	}
	if revision == 0 || id == 0 {
		return Ref{}, fmt.Errorf("it was replaced %d times: %w", uint32(math.MaxUint32), ErrInvalid)
	}
	slot, run, err := j.takeLocked(n)
	if err != nil {
		return Ref{}, bare(err)
	}
	j.id = max(j.id, id)
	return j.claimLocked(slot, run, id, revision), nil
}

// abandon takes back a record that could not be acknowledged. If not even that can be written its slots are not used again:
// at worst a settler finds a record whose writer was told that it is not there.
func (j *Journal) abandon(ref Ref) {
	err := j.clear(ref)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.freeLocked(ref)
		return
	}
	j.at[ref.slot] = 0
	j.live--
}

// clear zeroes the head of a record. The slots are free after that and not before: no free slot ever has a head that verifies.
func (j *Journal) clear(ref Ref) error {
	return j.writeAt(zeros[:], int64(ref.slot)*SlotSize)
}
