package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
)

// castagnoli is the table of CRC32C, which processors have an instruction for. It is made at the first call, which takes a
// quarter of a millisecond: most programs never need it, and a guard has it made while it waits (package standby).
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// A decoder takes values from bytes that nobody vouches for. After the first error it returns zero values only. It refuses
// what an encoder would have written otherwise, so that decoding and encoding again gives the same bytes.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.b = nil
}

var (
	errCut      = errors.New("it ends inside a number")
	errSum      = errors.New("its checksum does not match: it was being written when its process died, and never acknowledged, or the disk changed it")
	errOverlong = errors.New("a number is written with more bytes than it needs")
)

func (d *decoder) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	switch {
	case d.err != nil:
		return 0
	case n == 0:
		d.fail("%w", errCut)
		return 0
	case n < 0 || v > most:
		d.fail("a number is greater than %d", most)
		return 0
	case n != uvarintSize(v):
		d.fail("%w", errOverlong)
		return 0
	}
	d.b = d.b[n:]
	return v
}

// uvarintSize is how many bytes the shortest encoding of v has.
func uvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// varint takes a signed number, zigzag encoded.
func (d *decoder) varint() int64 {
	u := d.uvarint(math.MaxUint64)
	return int64(u>>1) ^ -int64(u&1)
}

// count takes the number of things that follow. Each has at least size bytes, which bounds what a lie can allocate.
func (d *decoder) count(size int) int {
	n := d.uvarint(math.MaxInt32)
	if n > uint64(len(d.b)/size) {
		d.fail("%d things are announced where %d bytes are left", n, len(d.b))
		return 0
	}
	return int(n)
}

// bytes takes a length and that many bytes, which still belong to the decoder's.
func (d *decoder) bytes(most int) []byte {
	n := d.count(1)
	if n > most {
		d.fail("a text has %d bytes, the most is %d", n, most)
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) string(most int) string { return string(d.bytes(most)) }

func (d *decoder) strings() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.string(MaxRecord)
	}
	return list
}

// flags takes a set of flags, of which all must be known.
func (d *decoder) flags(f, known uint32) {
	if unknown := f &^ known; unknown != 0 {
		d.fail("unknown flags %#x", unknown)
	}
}
