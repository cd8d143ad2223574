package journal

import "math/bits"

// orders is how many sizes of runs there are: 1, 2, 4 ... slots, up to a record of MaxRecord bytes.
const orders = 10

// A space knows which slots of the file are free. It gives out runs of 2^k slots, the last one freed first: their pages are
// in the caches. A run begins at a multiple of its size, so that up to 16 slots lie in one page of memory, which a killed
// process has written as a whole or not at all.
type space struct {
	free  [orders][]uint32 // runs of 2^k slots, by their first one
	end   uint32           // the first slot beyond
	loose uint32           // slots freed since the last merge
}

// order is the k of the smallest run that has n slots.
func order(n int) int { return bits.Len(uint(n - 1)) }

// take finds a run of at least n slots, and returns its length as well.
func (s *space) take(n int) (slot, run uint32, ok bool) {
	k := order(n)
	for {
		for o := k; o < orders; o++ {
			if last := len(s.free[o]) - 1; last >= 0 {
				slot, s.free[o] = s.free[o][last], s.free[o][:last]
				for o > k { // the upper halves stay free
					o--
					s.free[o] = append(s.free[o], slot+1<<o)
				}
				return slot, 1 << k, true
			}
		}
		// Putting neighbours together costs as much as the file has slots: only when it is likely to help.
		if s.loose < s.end/4 || s.loose == 0 {
			return 0, 0, false
		}
		s.merge()
	}
}

// give frees slots, as the largest runs that fit.
func (s *space) give(slot, n uint32) {
	s.loose += n
	for n > 0 {
		k := min(bits.TrailingZeros32(slot), bits.Len32(n)-1, orders-1)
		s.free[k] = append(s.free[k], slot)
		slot, n = slot+1<<k, n-1<<k
	}
}

// merge puts free neighbours together.
func (s *space) merge() {
	isFree := make([]uint64, s.end/64+1)
	for k := range s.free {
		for _, slot := range s.free[k] {
			for i := slot; i < slot+1<<k; i++ {
				isFree[i/64] |= 1 << (i % 64)
			}
		}
		s.free[k] = s.free[k][:0]
	}
	for slot := uint32(0); slot < s.end; {
		from := slot
		for slot < s.end && isFree[slot/64]&(1<<(slot%64)) != 0 {
			slot++
		}
		s.give(from, slot-from)
		slot++
	}
	s.loose = 0
}
