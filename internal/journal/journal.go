// Package journal keeps records of cleanups in a file, so that somebody else can carry them out when their owner is dead.
//
// One process owns one journal and holds the lock (package filelock) of its file from before the file has its name: as long as
// the lock is held, the owner lives. Append, Replace and Strike return when a reader would see their effect, also after
// SIGKILL; with Options.Sync also after a power failure (but a strike can be lost to that, and is then done again). The
// format is in docs/journal-format.md.
//
// What it does not do: it does not tell whether a process that has lost its lock is dead, or has executed another program; it
// does not order, settle or interpret records; it does not wipe the bytes of struck records, which stay in the file until
// they are overwritten or the file is removed.
package journal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/lastly-go/lastly/internal/filelock"
)

// Options are for Create. The zero value survives the death of the process, but not that of the machine.
type Options struct {
	// Sync makes a record survive power loss: Append and Replace return after an fdatasync, which concurrent callers share.
	Sync bool
}

// A Journal is an open file of records. All methods are safe for concurrent use.
type Journal struct {
	file   *os.File
	path   string
	owner  Owner
	salt   uint64
	opened bool   // by a settler
	group  *group // nil: no Sync
	fd     int    // of file, where writeAt needs it

	spare atomic.Pointer[[]byte] // for encoding, when nobody is at it

	writers   atomic.Int64  // how many are in writeAt; plus closing when Close has begun
	left      chan struct{} // closed by the last of them after that
	closed    atomic.Bool
	closeOnce sync.Once // closes left

	mu    sync.Mutex // guards what follows; not held while records are written
	space space
	at    []uint64   // by slot: the serial of the record whose head is there, with the bit busy; 0: none
	done  *sync.Cond // of mu: some slot is no longer busy
	last  uint64     // the serial given out last
	id    uint64     // the ID given out last
	live  int
	ended bool // by RemoveIfEmpty
}

// busy is set in the serial of a record that somebody is striking or replacing.
const busy = 1 << 63

// A Ref says where a live record is. It is good for one journal only, until the record is struck or replaced. The zero Ref is
// none.
type Ref struct {
	serial   uint64
	slot     uint32
	run      uint32 // how many slots it takes
	id       uint64
	revision uint32
}

// How much the file grows by.
const (
	firstSize = 32 << 10
	leastStep = 32 << 10
	mostStep  = 1 << 20
	maxFile   = 4 << 30 // more is no journal; it also keeps slots' numbers far from overflow
)

// Create makes a journal in the folder, which must exist and should belong to this user alone. The file has mode 0600, and is
// locked before it has its name.
func Create(dir string, o Owner, opt Options) (*Journal, error) {
	_, _ = rand.Read(o.ID[:]) // never fails
	j, err := create(dir, header{owner: o, salt: newSalt(), sync: opt.Sync})
	if err != nil {
		err = bare(err)
		return nil, fmt.Errorf("journal: create a journal in %s: %w%s", dir, err, advice(err))
	}
	return j, nil
}

// newSalt returns random bits that are neither nearly all zero nor nearly all one.
func newSalt() uint64 {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:])
		salt := binary.LittleEndian.Uint64(b[:])
		if n := bits.OnesCount64(salt); n >= minOnes && n <= 64-minOnes {
			return salt
		}
	}
}

func create(dir string, h header) (j *Journal, err error) {
	if dir, err = filepath.Abs(dir); err != nil { // Remove must find it when the working directory has changed
		return nil, err
	}
	page, err := h.encode()
	if err != nil {
		return nil, err
	}
	if h, err = decodeHeader(page); err != nil { // as settlers will see it
		return nil, err
	}
	temp := filepath.Join(dir, tempName(h.owner.ID))
	f, err := createFile(temp)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp) // the name is random, so it is this file
			_ = f.Close()
		}
	}()
	if err := prepare(f, page, h.sync); err != nil {
		return nil, err
	}
	if j, err = newJournal(f, filepath.Join(dir, Name(h.owner.Pid, h.owner.ID)), h); err != nil {
		return nil, err
	}
	j.extendLocked(firstSize / SlotSize)
	if err := os.Rename(temp, j.path); err != nil {
		return nil, err
	}
	if h.sync {
		if err := syncFolder(dir); err != nil {
			_ = os.Remove(j.path)
			return nil, err
		}
	}
	return j, nil
}

// prepare makes a new file a journal without records.
func prepare(f *os.File, page []byte, sync bool) error {
	switch ok, err := filelock.TryLock(f); {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("the new file: %w", ErrBusy)
	}
	if err := reserve(f, 0, firstSize, sync); err != nil {
		return err
	}
	if _, err := f.WriteAt(page, 0); err != nil {
		return err
	}
	if !sync {
		return nil
	}
	return f.Sync()
}

func newJournal(f *os.File, path string, h header) (*Journal, error) {
	fd, err := descriptor(f)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: f, path: path, owner: h.owner, salt: h.salt, fd: fd, left: make(chan struct{})}
	if h.sync {
		j.group = newGroup(f)
	}
	j.done = sync.NewCond(&j.mu)
	j.space.end = headerSize / SlotSize
	j.at = make([]uint64, j.space.end)
	return j, nil
}

// Path is where the file is.
func (j *Journal) Path() string { return j.path }

// Owner is what the header says.
func (j *Journal) Owner() Owner { return j.owner }

// File is the open file, for its lock. Its name may be the temporary one; Path has the real one.
func (j *Journal) File() *os.File { return j.file }

// Live is how many records there are.
func (j *Journal) Live() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.live
}

// Close closes the descriptor and nothing else: the locks are free then, and what is in the file is an orphan.
func (j *Journal) Close() error {
	return j.failed("close", bare(j.close()))
}

// closing is what Close adds to writers: a number that no count of writers makes positive.
const closing = -1 << 62

// enter keeps the descriptor open until leave. It returns false when it is closed, or about to be: a write to its number could
// then end in another file.
func (j *Journal) enter() bool {
	if j.writers.Add(1) > 0 {
		return true
	}
	j.leave()
	return false
}

func (j *Journal) leave() {
	if j.writers.Add(-1) == closing {
		j.closeOnce.Do(func() { close(j.left) })
	}
}

// close waits for the writes that have begun; no new ones can.
func (j *Journal) close() error {
	if !j.closed.Swap(true) {
		j.writers.Add(closing + 1)
		j.leave()
	}
	<-j.left
	_ = filelock.Release(j.file) // a second close finds it closed
	return j.file.Close()
}

// Remove unlinks the file, if it is still the one that its path names, and closes it. It is no error if another file, or none,
// is there.
func (j *Journal) Remove() error {
	err := removeIfSame(j.file, j.path)
	if closed := j.close(); err == nil {
		err = closed
	}
	return j.failed("remove", bare(err))
}

// RemoveIfEmpty is Remove if there are no records, and returns whether it was so. An Append that comes beside it either is
// in time, or fails with os.ErrClosed.
func (j *Journal) RemoveIfEmpty() (bool, error) {
	j.mu.Lock()
	j.ended = j.ended || j.live == 0
	ended := j.ended
	j.mu.Unlock()
	if !ended {
		return false, nil
	}
	return true, j.Remove()
}

// failed makes the error of a method.
func (j *Journal) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("journal: %s %s: %w%s", what, j.path, err, advice(err))
}

// takeLocked finds free slots and makes the file larger if there are none.
func (j *Journal) takeLocked(n int) (slot, run uint32, err error) {
	for {
		if slot, run, ok := j.space.take(n); ok {
			return slot, run, nil
		}
		if err := j.growLocked(n); err != nil {
			return 0, 0, err
		}
	}
}

// growLocked makes room for at least n slots in one run. It asks for more than that first: each growth is a slow call.
func (j *Journal) growLocked(n int) error {
	from := int64(j.space.end) * SlotSize
	run := int64(SlotSize) << order(n)
	least := (from+run-1)/run*run + run // a run begins at a multiple of its size
	likely := from + min(max(from/2, leastStep), mostStep)
	likely = max(likely&^(headerSize-1), least)
	if least > maxFile {
		return fmt.Errorf("%w: the file has %d bytes, the most is %d; find out who registers without end", ErrTooBig, from, int64(maxFile))
	}
	to := min(likely, maxFile)
	err := reserve(j.file, from, to, j.group != nil)
	if err != nil && least < to {
		to = least
		err = reserve(j.file, from, to, j.group != nil)
	}
	if err != nil {
		return err
	}
	j.extendLocked(uint32(to / SlotSize))
	return nil
}

// extendLocked adds the slots up to end.
func (j *Journal) extendLocked(end uint32) {
	from := j.space.end
	j.space.end = end
	j.at = append(j.at, make([]uint64, int(end)-len(j.at))...)
	loose := j.space.loose
	j.space.give(from, end-from)
	j.space.loose = loose
}

// claimLocked gives a record in these slots its serial.
func (j *Journal) claimLocked(slot, run uint32, id uint64, revision uint32) Ref {
	j.last++
	j.at[slot] = j.last
	j.live++
	return Ref{serial: j.last, slot: slot, run: run, id: id, revision: revision}
}

// freeLocked ends a record whose head has been cleared.
func (j *Journal) freeLocked(ref Ref) {
	j.at[ref.slot] = 0
	j.space.give(ref.slot, ref.run)
	j.live--
	j.done.Broadcast()
}
