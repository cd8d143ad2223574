package journal

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lastly-go/lastly/internal/filelock"
)

// A Content is what is in a journal.
type Content struct {
	Entries []Entry // by ID
	Damaged []Damage
}

// An Entry is a record and where it is.
type Entry struct {
	Ref    Ref // zero from Read
	Record Record
}

// A Damage is a place in the file that begins like a record and is none. Most often its owner was killed while it wrote: then
// nobody was told that the record is there. It is left in place, and its slot is not used again.
type Damage struct {
	Offset int64
	Why    string
}

// Open takes over the journal of an owner that is gone: it locks the file, and returns ErrBusy if the lock is held by
// the owner or another settler. What it returns is therefore all there is, until the Journal is closed. Who already holds the
// lock through a descriptor of its own uses OpenLocked. When records or other parts are damaged, Content tells; an error is
// for a file that can't be used at all, and wraps one of the Err variables where one fits.
func Open(path string) (*Journal, Content, error) {
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return nil, Content{}, refused(path, err)
	}
	switch ok, err := filelock.TryLock(f); {
	case err != nil:
		_ = f.Close()
		return nil, Content{}, refused(path, err)
	case !ok:
		_ = f.Close()
		return nil, Content{}, refused(path, fmt.Errorf("%w: its owner lives, or another process settles it; leave it alone", ErrBusy))
	}
	j, c, err := OpenLocked(f, path)
	if err != nil {
		_ = f.Close()
	}
	return j, c, err
}

// OpenLocked is Open for a file that the caller has opened for reading and writing (without following a link) and locked. The
// Journal closes it; it stays the caller's when there is an error.
func OpenLocked(f *os.File, path string) (*Journal, Content, error) {
	path, err := filepath.Abs(path) // Remove must find it when the working directory has changed
	if err != nil {
		return nil, Content{}, refused(path, err)
	}
	size, err := check(f)
	if err == nil {
		err = stillThere(f, path)
	}
	if err != nil {
		return nil, Content{}, refused(path, err)
	}
	s, err := scanFile(f, size)
	if err != nil {
		return nil, Content{}, refused(path, err)
	}
	j, err := newJournal(f, path, s.header)
	if err != nil {
		return nil, Content{}, refused(path, err)
	}
	j.opened = true
	return j, j.adopt(s, size), nil
}

// Read returns what is in a journal without taking it over. Its owner may live, and write meanwhile: then this is one moment of
// many, but nothing is missing that is there all the time, and nothing shows as damaged that is only being written.
func Read(path string) (Owner, Content, error) {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return Owner{}, Content{}, refused(path, err)
	}
	defer func() { _ = f.Close() }()
	changed := func() (time.Time, error) {
		info, err := f.Stat()
		if err != nil {
			return time.Time{}, err
		}
		return info.ModTime(), nil
	}
	s, err := scanQuiet(changed, func() (*scan, error) {
		size, err := check(f)
		if err != nil {
			return nil, err
		}
		return scanFile(f, size)
	})
	if err != nil {
		return Owner{}, Content{}, refused(path, err)
	}
	c := Content{}
	for _, found := range s.newest() {
		c.Entries = append(c.Entries, Entry{Record: found.record})
	}
	c.Damaged = s.damages()
	return s.owner, c, nil
}

// scanQuiet scans a file while nobody writes, which its time of last change shows. A scan of a file that is being written can miss a
// record: it has passed the slots where Replace puts it, and comes to the old ones when they are cleared. A busy journal may
// never be quiet; then all that some scans have found counts, even if it was struck meanwhile.
func scanQuiet(changed func() (time.Time, error), scan func() (*scan, error)) (*scan, error) {
	const most = 12
	last, err := scanIfQuiet(changed, scan, nil)
	for n := 1; n < most && err == nil && !last.quiet; n++ {
		last, err = scanIfQuiet(changed, scan, last)
	}
	return last, err
}

// scanIfQuiet adds what was found before, unless it was quiet.
func scanIfQuiet(changed func() (time.Time, error), scan func() (*scan, error), before *scan) (*scan, error) {
	from, err := changed()
	if err != nil {
		return nil, err
	}
	s, err := scan()
	if err != nil {
		return nil, err
	}
	to, err := changed()
	if err != nil {
		return nil, err
	}
	s.quiet = from.Equal(to) && time.Since(from) > coarse
	if before != nil && !s.quiet {
		s.add(before)
	}
	return s, nil
}

// coarse is more than the ticks in which file systems tell the time of a write.
const coarse = 50 * time.Millisecond

func refused(path string, err error) error {
	err = bare(err)
	return fmt.Errorf("journal: open %s: %w%s", path, err, advice(err))
}

// newest sorts what was found, and returns only the newest revision of each record. The rest is older ones, of which the last
// Replace did not come to clear the head, and doubles; they are moved to stale.
func (s *scan) newest() []found {
	slices.SortFunc(s.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.record.ID, b.record.ID), -cmp.Compare(a.record.Revision, b.record.Revision), cmp.Compare(a.slot, b.slot))
	})
	var newest []found
	for _, f := range s.found {
		if n := len(newest); n > 0 && newest[n-1].record.ID == f.record.ID {
			if newest[n-1].record.Revision == f.record.Revision {
				s.damage(f.slot, fmt.Errorf("record %d, revision %d is already in slot %d; that one counts", f.record.ID, f.record.Revision, newest[n-1].slot))
			}
			s.stale = append(s.stale, f)
			continue
		}
		newest = append(newest, f)
	}
	return newest
}

// adopt makes a scan's result the state of a journal. It clears what newest left out: else that would come back when the newest
// revision is struck.
func (j *Journal) adopt(s *scan, size int64) Content {
	newest := s.newest()
	used := make([]span, 0, len(s.found)+len(s.damaged))
	for _, f := range s.stale {
		if err := j.clear(Ref{slot: f.slot}); err != nil {
			s.damage(f.slot, fmt.Errorf("it is an older revision of record %d, and can't be cleared: %w", f.record.ID, err))
		}
	}
	for _, d := range s.damaged {
		used = append(used, span{uint32(d.Offset / SlotSize), 1})
	}
	for _, f := range newest {
		used = append(used, span{f.slot, f.run})
	}
	slices.SortFunc(used, func(a, b span) int { return cmp.Compare(a.slot, b.slot) })

	j.mu.Lock()
	defer j.mu.Unlock()
	j.extendUsedLocked(used)
	// A few more, so that the first Replace need not make the file grow.
	if end := min(uint32(size/SlotSize), j.space.end+firstSize/SlotSize); end > j.space.end {
		j.extendLocked(end)
	}
	c := Content{Damaged: s.damages()}
	for _, f := range newest {
		c.Entries = append(c.Entries, Entry{Ref: j.claimLocked(f.slot, f.run, f.record.ID, f.record.Revision), Record: f.record})
	}
	return c
}

// A span is some slots of a file.
type span struct{ slot, run uint32 }

// extendUsedLocked makes the file's slots known, the ones between the used as free. How many there are after the last one says
// only a file's size, which may be a lie of 4 GB.
func (j *Journal) extendUsedLocked(used []span) {
	for _, u := range used {
		if u.slot > j.space.end {
			j.extendLocked(u.slot)
		}
		if end := u.slot + u.run; end > j.space.end {
			j.space.end = end
			j.at = append(j.at, make([]uint64, int(end)-len(j.at))...)
		}
	}
}
