package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"time"
	"unicode/utf8"
)

// An Owner is the process that a journal belongs to, as it is told in the header.
type Owner struct {
	Program   string // path of its main module; kinds of Go programs are qualified by it
	Command   string // base name of its executable, for people; cut at 255 bytes
	Host      string // the machine's id
	Boot      string // the id of the machine's boot
	Namespace uint64 // inode of its PID namespace; 0: unknown
	Pid       int
	Start     uint64 // when it started, in ticks since the boot
	Pidfd     uint64 // inode of its pidfd; 0: unknown
	Image     string // what it executes, which changes at an exec; "": unknown
	UID       int    // of its effective user; -1 where users have no number
	Created   time.Time
	ID        [16]byte // random, set by Create; names this journal for good
}

// The header, which is the file's first page.
const (
	magic      = "\x89lastly\n" // no text file begins so, and a transfer as text would change it
	version    = 1
	headerSize = 4096

	offVersion   = 8
	offHeader    = 12
	offSlot      = 16
	offTexts     = 20 // length of the texts
	offID        = 24
	offSalt      = 40
	offNamespace = 48
	offStart     = 56
	offPidfd     = 64
	offCreated   = 72
	offPid       = 80
	offUID       = 84
	offOptions   = 88
	offBody      = 92 // Program, Command, Host, Boot, Image
	offSum       = headerSize - 4

	maxCommand   = 255
	optionSync   = 1 // Replace must put the new record on disk before it clears the old one; so must a settler's
	knownOptions = optionSync

	minOnes = 16 // of a salt's bits: it must not look like the zeros of free space
)

// A header is what the header's page says.
type header struct {
	owner Owner
	salt  uint64 // begins each record, so that nothing else looks like one
	sync  bool
}

// encode returns the page.
func (h *header) encode() ([]byte, error) {
	o := &h.owner
	if o.Pid < 0 || o.Pid > math.MaxInt32 || o.UID < -1 || int64(o.UID) >= math.MaxUint32 {
		return nil, fmt.Errorf("pid %d, uid %d: %w", o.Pid, o.UID, ErrInvalid)
	}
	b := make([]byte, offBody, headerSize)
	copy(b, magic)
	le := binary.LittleEndian
	le.PutUint32(b[offVersion:], version)
	le.PutUint32(b[offHeader:], headerSize)
	le.PutUint32(b[offSlot:], SlotSize)
	copy(b[offID:], o.ID[:])
	le.PutUint64(b[offSalt:], h.salt)
	le.PutUint64(b[offNamespace:], o.Namespace)
	le.PutUint64(b[offStart:], o.Start)
	le.PutUint64(b[offPidfd:], o.Pidfd)
	le.PutUint64(b[offCreated:], uint64(nanoseconds(o.Created)))
	le.PutUint32(b[offPid:], uint32(o.Pid))
	le.PutUint32(b[offUID:], uint32(o.UID))
	if h.sync {
		le.PutUint32(b[offOptions:], optionSync)
	}
	for _, s := range []string{o.Program, cut(o.Command, maxCommand), o.Host, o.Boot, o.Image} {
		b = appendString(b, s)
	}
	if len(b) > offSum {
		return nil, fmt.Errorf("the owner's description has %d bytes, the most is %d: %w", len(b), offSum, ErrTooBig)
	}
	le.PutUint32(b[offTexts:], uint32(len(b)-offBody))
	b = b[:headerSize]
	le.PutUint32(b[offSum:], crc32.Checksum(b[:offSum], castagnoli()))
	return b, nil
}

// decodeHeader is the inverse of encode. What it accepts, encode would have written.
func decodeHeader(b []byte) (h header, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < len(magic) || allZero(b[:len(magic)]):
		return h, fmt.Errorf("%w: it is empty; its owner did not get further, or the machine went down before it was on disk: remove it", ErrCorrupt)
	case string(b[:len(magic)]) != magic:
		return h, fmt.Errorf("%w: it begins otherwise; keep other files out of this folder", ErrNotJournal)
	case len(b) < headerSize:
		return h, fmt.Errorf("%w: it has %d bytes of %d; %s", ErrCorrupt, len(b), headerSize, byHand)
	case le.Uint32(b[offVersion:]) != version:
		return h, fmt.Errorf("%w: version %d, known is %d; let the version of lastly that wrote it settle it", ErrVersion, le.Uint32(b[offVersion:]), version)
	}
	d := headerTexts(b[:headerSize])
	h.salt, h.sync = le.Uint64(b[offSalt:]), le.Uint32(b[offOptions:])&optionSync != 0
	o := &h.owner
	copy(o.ID[:], b[offID:])
	o.Namespace, o.Start, o.Pidfd = le.Uint64(b[offNamespace:]), le.Uint64(b[offStart:]), le.Uint64(b[offPidfd:])
	o.Created = moment(int64(le.Uint64(b[offCreated:])))
	o.Pid, o.UID = int(le.Uint32(b[offPid:])), uid(le.Uint32(b[offUID:]))
	o.Program, o.Command = d.string(headerSize), d.string(maxCommand)
	o.Host, o.Boot, o.Image = d.string(headerSize), d.string(headerSize), d.string(headerSize)
	if len(d.b) > 0 {
		d.fail("bytes are left after its texts")
	}
	if d.err != nil {
		return header{}, fmt.Errorf("%w: %w; %s", ErrCorrupt, d.err, byHand)
	}
	return h, nil
}

const byHand = "look by hand for what its owner left behind, then remove it"

// headerTexts verifies what has a fixed place in the page, and returns a decoder for the rest.
func headerTexts(b []byte) (d decoder) {
	le := binary.LittleEndian
	texts := le.Uint32(b[offTexts:])
	switch {
	case crc32.Checksum(b[:offSum], castagnoli()) != le.Uint32(b[offSum:]):
		d.fail("its checksum does not match")
	case le.Uint32(b[offHeader:]) != headerSize || le.Uint32(b[offSlot:]) != SlotSize:
		d.fail("other sizes of header or slot than this version has")
	case texts > offSum-offBody || !allZero(b[offBody+texts:offSum]):
		d.fail("its texts have another length than it says")
	case bits.OnesCount64(le.Uint64(b[offSalt:])) < minOnes:
		d.fail("its salt has too few one bits")
	case le.Uint32(b[offPid:]) > math.MaxInt32:
		d.fail("its pid is negative")
	default:
		d.b = b[offBody : offBody+texts]
		d.flags(le.Uint32(b[offOptions:]), knownOptions)
	}
	return d
}

// uid is the number of a user; all ones is the -1 of systems without them.
func uid(u uint32) int {
	if u == math.MaxUint32 {
		return -1
	}
	return int(u)
}

// nanoseconds is a time on disk: since 1970, 0 for the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// cut shortens a text to so many bytes, not inside of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := most; i > most-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:most] // no UTF-8
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
