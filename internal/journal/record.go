package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/lastly-go/lastly/internal/seam"
)

// Sizes of the format.
const (
	SlotSize   = 256
	MaxPayload = 64 << 10  // bytes of one record's payload
	MaxRecord  = 128 << 10 // bytes of one record with everything
)

// A Scope is one scope on the way from the outermost one to the record's own. It is what package lastly tells, as it is:
// there is no time to copy it.
type Scope = seam.Scope

// A Record is a cleanup that must be done after the process is gone. On disk empty and nil are the same, times have
// nanoseconds of UTC, and texts may be any bytes.
type Record struct {
	ID       uint64 // set by Append: 1, 2, 3 ... in this journal, never used again
	Revision uint32 // set by Append (1) and Replace

	Dead      bool      // a dead letter: every attempt failed
	Attempts  int       // attempts begun
	Tried     time.Time // when the last one began; zero: never
	LastError string    // of the last attempt; cut at 512 bytes by the writer

	Kind, Name, Site string
	Uses             []string
	Last, BestEffort bool
	Timeout          time.Duration
	Scopes           []Scope
	Position         uint64 // in its scope
	Payload          []byte
}

// The head of a record, at the beginning of its first slot.
const (
	offMark     = 0 // the file's salt
	markSize    = 8
	offCheck    = 8  // CRC32C, see seal
	offLength   = 12 // of the record, from the head's first byte
	offRecordID = 16
	offRevision = 24
	offFlags    = 28
	headSize    = 32 // then comes the body
	clearSize   = 16 // bytes that are zeroed to strike a record

	flagDead       = 1
	flagLast       = 2
	flagBestEffort = 4
	knownFlags     = flagDead | flagLast | flagBestEffort

	maxLastError = 512
	scopeSize    = 4 // a scope's least bytes: ID, flags, name, uses
)

// appendRecord appends a whole record to an empty b. Its mark, checksum, ID and revision are seal's.
func appendRecord(b []byte, r *Record) ([]byte, error) {
	if len(r.Payload) > MaxPayload {
		return nil, fmt.Errorf("%w: its payload has %d bytes, the most is %d; keep the data in a file and its path in the record", ErrTooBig, len(r.Payload), MaxPayload)
	}
	if r.Attempts < 0 || r.Attempts > math.MaxInt32 {
		return nil, fmt.Errorf("%d attempts: %w", r.Attempts, ErrInvalid)
	}
	b = append(b, make([]byte, headSize)...)
	var flags uint32
	if r.Dead {
		flags |= flagDead
	}
	if r.Last {
		flags |= flagLast
	}
	if r.BestEffort {
		flags |= flagBestEffort
	}
	binary.LittleEndian.PutUint32(b[offFlags:], flags)
	b = binary.AppendUvarint(b, uint64(r.Attempts))
	b = binary.AppendVarint(b, nanoseconds(r.Tried))
	b = binary.AppendVarint(b, int64(r.Timeout))
	b = binary.AppendUvarint(b, r.Position)
	b = appendString(b, r.Kind)
	b = appendString(b, r.Name)
	b = appendString(b, r.Site)
	b = appendString(b, cut(r.LastError, maxLastError))
	b = appendStrings(b, r.Uses)
	b = binary.AppendUvarint(b, uint64(len(r.Scopes)))
	for i := range r.Scopes {
		b = appendScope(b, &r.Scopes[i])
	}
	b = binary.AppendUvarint(b, uint64(len(r.Payload)))
	b = append(b, r.Payload...)
	if len(b) > MaxRecord {
		return nil, fmt.Errorf("%w: it has %d bytes with its names and its scopes', the most is %d; give shorter names", ErrTooBig, len(b), MaxRecord)
	}
	binary.LittleEndian.PutUint32(b[offLength:], uint32(len(b)))
	return b, nil
}

func appendScope(b []byte, s *Scope) []byte {
	b = binary.AppendUvarint(b, s.ID)
	var flags byte
	if s.Last {
		flags = flagLast
	}
	b = append(b, flags)
	b = appendString(b, s.Name)
	return appendStrings(b, s.Uses)
}

// seal completes the head of a record of so many bytes. The checksum covers what follows it and begins with the number of
// the slot, so that a record's bytes are a record at its own place only, not as a copy in another one's payload.
func seal(b []byte, length int, salt uint64, slot uint32, id uint64, revision uint32) {
	le := binary.LittleEndian
	le.PutUint64(b[offRecordID:], id)
	le.PutUint32(b[offRevision:], revision)
	le.PutUint64(b[offMark:], salt)
	le.PutUint32(b[offCheck:], checksum(b[:length], slot))
}

func checksum(b []byte, slot uint32) uint32 {
	return crc32.Update(slot, castagnoli(), b[offLength:])
}

// recordLength takes the length from a head, if it is possible where so many bytes are left.
func recordLength(b []byte, left int64) (int, error) {
	n := binary.LittleEndian.Uint32(b[offLength:])
	if n < headSize || n > MaxRecord {
		return 0, fmt.Errorf("its length is %d, possible are %d to %d", n, headSize, MaxRecord)
	}
	if int64(n) > left {
		return 0, fmt.Errorf("its length is %d where the file has %d bytes left", n, left)
	}
	return int(n), nil
}

// decodeRecord takes a record from its bytes, of which the mark and the length are known to be good.
func decodeRecord(b []byte, slot uint32, r *Record) error {
	le := binary.LittleEndian
	if checksum(b, slot) != le.Uint32(b[offCheck:]) {
		return errSum
	}
	r.ID, r.Revision = le.Uint64(b[offRecordID:]), le.Uint32(b[offRevision:])
	flags := le.Uint32(b[offFlags:])
	r.Dead, r.Last, r.BestEffort = flags&flagDead != 0, flags&flagLast != 0, flags&flagBestEffort != 0
	d := decoder{b: b[headSize:]}
	d.flags(flags, knownFlags)
	if r.ID == 0 || r.Revision == 0 {
		d.fail("its ID or its revision is 0")
	}
	r.Attempts = int(d.uvarint(math.MaxInt32))
	r.Tried = moment(d.varint())
	r.Timeout = time.Duration(d.varint())
	r.Position = d.uvarint(math.MaxUint64)
	r.Kind, r.Name, r.Site = d.string(MaxRecord), d.string(MaxRecord), d.string(MaxRecord)
	r.LastError = d.string(maxLastError)
	r.Uses = d.strings()
	if n := d.count(scopeSize); n > 0 {
		r.Scopes = make([]Scope, n)
		for i := range r.Scopes {
			d.scope(&r.Scopes[i])
		}
	}
	if p := d.bytes(MaxPayload); len(p) > 0 {
		r.Payload = append(make([]byte, 0, len(p)), p...)
	}
	if len(d.b) > 0 {
		d.fail("%d bytes are left after its payload", len(d.b))
	}
	return d.err
}

func (d *decoder) scope(s *Scope) {
	s.ID = d.uvarint(math.MaxUint64)
	flags := uint32(d.uvarint(math.MaxInt8))
	d.flags(flags, flagLast)
	s.Last = flags == flagLast
	s.Name, s.Uses = d.string(MaxRecord), d.strings()
}
