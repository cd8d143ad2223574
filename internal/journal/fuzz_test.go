package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// seedFolder has the committed seeds of FuzzOpen, made of the vectors and of what mutation found.
const seedFolder = "testdata/fuzz/FuzzOpen"

// TestSeeds: without its seeds the fuzz target would run on nothing and pass.
func TestSeeds(t *testing.T) {
	for name := range vectors {
		for _, mend := range []bool{false, true} {
			file := filepath.Join(seedFolder, fmt.Sprintf("%s-%v", name, mend))
			if *update {
				golden, err := os.ReadFile(filepath.Join("testdata", "vectors", name+".bin"))
				fatal(t, err)
				fatal(t, os.MkdirAll(seedFolder, 0o755))
				text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\nbool(%v)\n", golden, mend)
				fatal(t, os.WriteFile(file, []byte(text), 0o644))
			}
			b, err := os.ReadFile(file)
			fatal(t, err)
			if !strings.HasPrefix(string(b), "go test fuzz v1\n") {
				t.Errorf("%s is no seed", file)
			}
		}
	}
}

// mended gives a file the checksums that belong to its bytes, so that fuzzing gets behind them.
func mended(b []byte) []byte {
	if len(b) < headerSize {
		return b
	}
	b = slices.Clone(b)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[offVersion:], version)
	binary.LittleEndian.PutUint32(b[offSum:], crc32.Checksum(b[:offSum], castagnoli()))
	salt := b[offSalt : offSalt+markSize]
	for off := headerSize; off+headSize <= len(b); off += SlotSize {
		if !bytes.Equal(b[off:off+markSize], salt) {
			continue
		}
		if n, err := recordLength(b[off:], int64(len(b)-off)); err == nil {
			binary.LittleEndian.PutUint32(b[off+offCheck:], checksum(b[off:off+n], uint32(off/SlotSize)))
		}
	}
	return b
}

// FuzzOpen opens any bytes as a journal. mend repairs the checksums first.
func FuzzOpen(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend {
			b = mended(b)
		}
		path := inFile(t, b)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o, read, err := Read(path)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+100*len(b)); got > most {
			t.Errorf("Read of %d bytes allocated %d", len(b), got)
		}
		j, c, openErr := Open(path)
		if (err == nil) != (openErr == nil) {
			t.Fatalf("Read: %v, Open: %v", err, openErr)
		}
		if err != nil {
			return
		}
		defer func() { _ = j.Close() }()
		checkEqual(t, j.Owner(), o)
		checkEqual(t, list(c), list(read))
		checkReencoded(t, b)
		for i, e := range c.Entries {
			if i%2 == 0 {
				_, err = j.Replace(e.Ref, &e.Record)
			} else {
				err = j.Strike(e.Ref)
			}
			if err != nil && e.Record.Revision != 1<<32-1 {
				t.Error(err)
			}
		}
		_, c2 := orphan(t, j)
		checkEqual(t, len(c2.Entries), (len(c.Entries)+1)/2)
		if len(c2.Damaged) > len(c.Damaged) {
			t.Errorf("a settler did damage: %+v", c2.Damaged)
		}
	})
}
