package journal

import (
	"math/rand/v2"
	"testing"
)

// TestSpace compares with a model that knows of each slot whether it is taken.
func TestSpace(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := space{end: 16}
		taken := make(map[uint32]bool)
		type run struct{ slot, n uint32 }
		var runs []run
		live, most := 0, 0
		for range 3000 {
			if len(runs) > 0 && random.IntN(5) < 2 || live > 4000 {
				i := random.IntN(len(runs))
				r := runs[i]
				runs[i] = runs[len(runs)-1]
				runs = runs[:len(runs)-1]
				for k := range r.n {
					delete(taken, r.slot+k)
				}
				live -= int(r.n)
				s.give(r.slot, r.n)
				continue
			}
			n := 1 + random.IntN(1<<random.IntN(orders))
			slot, got, ok := s.take(n)
			for !ok {
				from := s.end
				s.end += 512 + uint32(random.IntN(128))
				s.give(from, s.end-from)
				slot, got, ok = s.take(n)
			}
			if int(got) < n || int(got) >= 2*n && n > 1 || slot < 16 || slot+got > s.end || slot%min(got, 16) != 0 {
				t.Fatalf("take(%d) = %d, %d of %d", n, slot, got, s.end)
			}
			for k := range got {
				if taken[slot+k] {
					t.Fatalf("slot %d was given out twice", slot+k)
				}
				taken[slot+k] = true
			}
			runs = append(runs, run{slot, got})
			live += int(got)
			most = max(most, live)
		}
		if int(s.end) > 3*most+2048 {
			t.Errorf("seed %d: %d slots for at most %d at a time", seed, s.end, most)
		}
	}
}

// TestMerge: neighbours that were freed one by one become a large run again.
func TestMerge(t *testing.T) {
	s := space{end: 16}
	s.end = 1024
	s.give(512, 512)
	for range 512 {
		if _, _, ok := s.take(1); !ok {
			t.Fatal("no slot")
		}
	}
	if _, _, ok := s.take(1); ok {
		t.Fatal("one slot too many")
	}
	for slot := uint32(512); slot < 1024; slot++ {
		s.give(slot, 1)
	}
	if slot, n, ok := s.take(500); !ok || slot != 512 || n != 512 {
		t.Errorf("take(500) = %d, %d, %v", slot, n, ok)
	}
}
