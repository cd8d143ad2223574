//go:build unix

package durable_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// A ticket has about 200 bytes of JSON.
type ticket struct {
	Show string `json:"show"`
	Seat int    `json:"seat"`
	Note string `json:"note"`
}

var (
	benchKind    = durable.Define("bench", func(context.Context, ticket) error { return nil })
	benchPayload = ticket{Show: "the tempest", Seat: 17, Note: strings.Repeat("n", 150)}
)

// BenchmarkRegister is a whole Kind.Register, JSON included. The floor is one pwrite of a slot's 256 bytes to
// preallocated space. Each runs alternately in one loop, so that their ratio means something on a busy machine.
func BenchmarkRegister(b *testing.B) {
	b.Setenv("LASTLY_DIR", privateDir(b))
	b.Setenv("LASTLY_GUARD", "off")
	var s lastly.Scope
	defer func() { _ = s.Close() }()
	b.Run("pwrite", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		slot := make([]byte, 256)
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			b.Fatal(err)
		}
		fd := int(f.Fd())
		for i := range b.N {
			if _, err := syscall.Pwrite(fd, slot, int64(i%4096)*256); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("register", func(b *testing.B) {
		b.ReportAllocs()
		records := make([]*durable.Record[ticket], 0, 1024)
		for range b.N {
			r, err := benchKind.Register(&s, benchPayload, lastly.Hook{})
			if err != nil {
				b.Fatal(err)
			}
			if records = append(records, r); len(records) == cap(records) {
				b.StopTimer()
				for _, r := range records {
					r.Cancel()
				}
				records = records[:0]
				b.StartTimer()
			}
		}
		for _, r := range records {
			r.Cancel()
		}
	})
	b.Run("cancel", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			r, err := benchKind.Register(&s, benchPayload, lastly.Hook{})
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			r.Cancel()
		}
	})
}

// privateDir is a folder that journals may be in.
func privateDir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "lastly")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	return dir
}
