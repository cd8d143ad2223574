package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// A scan is what the bytes of a file say, record by record.
type scan struct {
	header
	found   []found
	stale   []found // set by newest
	damaged []Damage
	quiet   bool // nobody wrote meanwhile
}

// A found is a record that verifies.
type found struct {
	slot, run uint32
	record    Record
}

// nearly is in how many bits a mark may differ from the salt to be called a damaged one.
const nearly = 8

func (s *scan) damage(slot uint32, why error) {
	s.damaged = append(s.damaged, Damage{Offset: int64(slot) * SlotSize, Why: why.Error()})
}

// damages are sorted, in the order of their places.
func (s *scan) damages() []Damage {
	slices.SortStableFunc(s.damaged, func(a, b Damage) int { return cmp.Compare(a.Offset, b.Offset) })
	return s.damaged
}

// add takes over the records of another scan of which this one has found no revision, and forgets the damage that only one of
// the two has seen.
func (s *scan) add(other *scan) {
	s.damaged = slices.DeleteFunc(s.damaged, func(d Damage) bool { return !slices.Contains(other.damaged, d) })
	ids := make(map[uint64]bool)
	for _, f := range s.found {
		ids[f.record.ID] = true
	}
	for _, f := range other.found {
		if !ids[f.record.ID] {
			s.found = append(s.found, f)
		}
	}
}

// scanFile reads a whole file of the given size, through a window: a sparse file can be larger than memory.
func scanFile(r io.ReaderAt, size int64) (*scan, error) {
	w := window{r: r, size: size}
	page, err := w.at(0, headerSize)
	if err != nil {
		return nil, err
	}
	s := &scan{}
	if s.header, err = decodeHeader(page); err != nil {
		return nil, err
	}
	for off := int64(headerSize); off+markSize <= size; {
		b, err := w.at(off, SlotSize)
		if err != nil {
			return nil, err
		}
		run := uint32(1)
		if marked(b, s.salt) {
			if run, err = s.record(&w, off); err != nil {
				return nil, err
			}
		}
		off += int64(run) * SlotSize
	}
	return s, nil
}

// marked reports whether a slot begins with the mark, or with one in which some bits have changed.
func marked(b []byte, salt uint64) bool {
	return bits.OnesCount64(binary.LittleEndian.Uint64(b)^salt) <= nearly
}

// record takes the record whose head is there, and returns how many slots to go on by: only one if it does not verify, for then
// its length can't be trusted either.
func (s *scan) record(w *window, off int64) (uint32, error) {
	slot := uint32(off / SlotSize)
	head, err := w.at(off, headSize)
	if err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint64(head) != s.salt {
		s.damage(slot, errors.New("the mark at the head of a record has changed on disk"))
		return 1, nil
	}
	if len(head) < headSize {
		s.damage(slot, errors.New("the file ends inside the head of a record"))
		return 1, nil
	}
	length, err := recordLength(head, w.size-off)
	if err != nil {
		s.damage(slot, err)
		return 1, nil
	}
	b, err := w.at(off, length)
	if err != nil {
		return 0, err
	}
	f := found{slot: slot, run: uint32((length + SlotSize - 1) / SlotSize)}
	if err := decodeRecord(b, slot, &f.record); err != nil {
		s.damage(slot, err)
		return 1, nil
	}
	s.found = append(s.found, f)
	return f.run, nil
}

// A window is a part of a file in memory.
type window struct {
	r    io.ReaderAt
	size int64
	from int64
	b    []byte
}

const windowSize = 4 * MaxRecord

// at returns up to n bytes, fewer only at the end of the file. They are good until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.size-off))
	if off < w.from || off+int64(n) > w.from+int64(len(w.b)) {
		if w.b == nil {
			w.b = make([]byte, 0, min(w.size, windowSize))
		}
		want := int(min(w.size-off, int64(cap(w.b))))
		got, err := w.r.ReadAt(w.b[:want], off)
		if got < want {
			if err == io.EOF { // truncated meanwhile
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("read %d bytes at %d: %w", want, off, bare(err))
		}
		w.from, w.b = off, w.b[:want]
	}
	return w.b[off-w.from:][:n], nil
}
