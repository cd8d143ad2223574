//go:build unix

package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// small is a record of one slot, ordinary one of two, with a payload of 200 bytes.
func small() *Record {
	return &Record{Kind: "lastly.Remove", Name: "upload", Site: "upload.go:42", Position: 7, Payload: make([]byte, 140)}
}

func ordinary() *Record {
	return &Record{
		Kind: "lastly.Remove", Name: "upload", Site: "example.com/service/upload.go:42", Uses: []string{"database"},
		Scopes: []Scope{{ID: 1, Name: "process"}, {ID: 9, Name: "request"}}, Position: 7, Payload: make([]byte, 200),
	}
}

func slotsOf(tb testing.TB, r *Record) int {
	b, err := appendRecord(nil, r)
	if err != nil {
		tb.Fatal(err)
	}
	return (len(b) + SlotSize - 1) / SlotSize
}

// forget frees a record's slots in memory, so that Append can be measured without Strike.
func (j *Journal) forget(refs []Ref) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, ref := range refs {
		j.freeLocked(ref)
	}
}

// pairs runs two things in turns and reports the medians of both and of their ratio.
func pairs(b *testing.B, batch int, ours, bare func(), after func()) {
	var a, c, ratio []float64
	measure := func(f func()) float64 {
		start := time.Now()
		for range batch {
			f()
		}
		return float64(time.Since(start).Nanoseconds()) / float64(batch)
	}
	for b.Loop() {
		x := measure(ours)
		y := measure(bare)
		after()
		a, c, ratio = append(a, x), append(c, y), append(ratio, x/y)
	}
	median := func(v []float64) float64 {
		slices.Sort(v)
		return v[len(v)/2]
	}
	b.ReportMetric(median(a), "ns/ours")
	b.ReportMetric(median(c), "ns/bare")
	b.ReportMetric(median(ratio), "ratio")
	b.ReportMetric(0, "ns/op")
}

// bareFile is preallocated as a journal is, and open in the same way.
func bareFile(b *testing.B, size int64) int {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "bare"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	if err := reserve(f, 0, size, false); err != nil {
		b.Fatal(err)
	}
	return int(f.Fd())
}

const batch = 50

// BenchmarkStruck compares Append and Strike with two bare pwrites of the same bytes.
func BenchmarkStruck(b *testing.B) {
	j := newTestJournal(b, Options{})
	fd := bareFile(b, firstSize)
	r := small()
	buf := make([]byte, slotsOf(b, r)*SlotSize)
	pairs(b, batch, func() {
		ref, err := j.Append(r)
		if err == nil {
			err = j.Strike(ref)
		}
		if err != nil {
			b.Fatal(err)
		}
	}, func() {
		for _, part := range [][]byte{buf, buf[:clearSize]} {
			if n, err := syscall.Pwrite(fd, part, headerSize); n != len(part) || err != nil {
				b.Fatal(n, err)
			}
		}
	}, func() {})
}

// BenchmarkSync compares Append with one bare pwrite and fdatasync, alone and with several writers, of which each counts.
func BenchmarkSync(b *testing.B) {
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("%dwriters", writers), func(b *testing.B) {
			j := newTestJournal(b, Options{Sync: true})
			f, err := os.OpenFile(filepath.Join(b.TempDir(), "bare"), os.O_RDWR|os.O_CREATE, 0o600)
			if err == nil {
				err = reserve(f, 0, firstSize, true)
			}
			if err == nil {
				err = f.Sync()
			}
			fatal(b, err)
			defer f.Close()
			buf := make([]byte, SlotSize)
			write := func() {
				ref, err := j.Append(small())
				if err == nil {
					err = j.Strike(ref)
				}
				if err != nil {
					b.Error(err)
				}
			}
			pairs(b, 1, func() {
				var group sync.WaitGroup
				for range writers - 1 {
					group.Go(write)
				}
				write()
				group.Wait()
			}, func() {
				_, err := f.WriteAt(buf, headerSize)
				if err == nil {
					err = dataSync(f)
				}
				if err != nil {
					b.Fatal(err)
				}
			}, func() {})
		})
	}
}

// BenchmarkAppend compares Append with a bare pwrite of the same bytes to preallocated space.
func BenchmarkAppend(b *testing.B) {
	for name, r := range map[string]*Record{"1slot": small(), "2slots": ordinary()} {
		b.Run(name, func(b *testing.B) {
			j := newTestJournal(b, Options{})
			fd := bareFile(b, firstSize)
			buf := make([]byte, slotsOf(b, r)*SlotSize)
			refs := make([]Ref, 0, batch)
			at := int64(0)
			pairs(b, batch, func() {
				ref, err := j.Append(r)
				if err != nil {
					b.Fatal(err)
				}
				refs = append(refs, ref)
			}, func() {
				if n, err := syscall.Pwrite(fd, buf, headerSize+at*int64(len(buf))); n != len(buf) || err != nil {
					b.Fatal(n, err)
				}
				at = (at + 1) % batch
			}, func() {
				j.forget(refs)
				refs = refs[:0]
			})
		})
	}
}
