package auxv

import (
	"encoding/binary"
	"testing"
)

func TestAtSecure(t *testing.T) {
	t.Parallel()
	vector := func(words ...uint64) (text []byte) {
		for _, word := range words {
			if ^uint(0)>>32 == 0 {
				text = binary.NativeEndian.AppendUint32(text, uint32(word))
			} else {
				text = binary.NativeEndian.AppendUint64(text, word)
			}
		}
		return text
	}
	for _, c := range []struct {
		vector     []byte
		secure, ok bool
	}{
		{vector(6, 4096, 23, 1, 0, 0), true, true},
		{vector(6, 4096, 23, 0, 0, 0), false, true},
		{vector(23, 6, 24, 0), true, true},
		{vector(6, 23, 0, 0), false, false},
		{vector(6, 4096, 23), false, false},
		{nil, false, false},
	} {
		if secure, ok := atSecure(c.vector); secure != c.secure || ok != c.ok {
			t.Errorf("%x: %v, %v", c.vector, secure, ok)
		}
	}
}
