package resource_test

import (
	"os"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/resource"
)

// The goal is that TempDir takes at most twice the time of the least that could do: os.MkdirTemp, and the registration of
// its removal, which leaks what a death in between leaves.

func BenchmarkTempDir(b *testing.B) {
	benchFolders(b, func(b *testing.B, s *lastly.Scope) {
		makeTempDir(b, s)
	})
}

func BenchmarkMkdirTempPlusRegister(b *testing.B) {
	benchFolders(b, func(b *testing.B, s *lastly.Scope) {
		makeAndRegister(b, s)
	})
}

// BenchmarkTempDirRatio runs both alternately, so that their ratio means something on a busy machine.
func BenchmarkTempDirRatio(b *testing.B) {
	var took [2]time.Duration
	benchFolders(b, func(b *testing.B, s *lastly.Scope) {
		began := time.Now()
		makeTempDir(b, s)
		between := time.Now()
		makeAndRegister(b, s)
		took[0] += between.Sub(began)
		took[1] += time.Since(between)
	})
	b.ReportMetric(float64(took[0])/float64(took[1]), "ratio")
}

func makeTempDir(b *testing.B, s *lastly.Scope) {
	if _, err := resource.TempDir(s, "bench-*"); err != nil {
		b.Fatal(err)
	}
}

func makeAndRegister(b *testing.B, s *lastly.Scope) {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := durable.Remove.Register(s, durable.Path{Path: dir}, lastly.Hook{Name: "temp folder"}); err != nil {
		b.Fatal(err)
	}
}

// benchFolders measures one, and removes what was made while the clock stands still.
func benchFolders(b *testing.B, one func(*testing.B, *lastly.Scope)) {
	b.Setenv("TMPDIR", b.TempDir())
	b.Setenv("LASTLY_GUARD", "off")
	b.ReportAllocs()
	s := new(lastly.Scope)
	for i := range b.N {
		if i%200 == 199 {
			b.StopTimer()
			closeScope(b, s)
			s = new(lastly.Scope)
			b.StartTimer()
		}
		one(b, s)
	}
	b.StopTimer()
	closeScope(b, s)
}

func closeScope(b *testing.B, s *lastly.Scope) {
	b.Helper()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCreate is a file of 4 kB that replaces another. The disk decides: Commit flushes twice.
func BenchmarkCreate(b *testing.B) {
	path := b.TempDir() + "/target"
	content := make([]byte, 4096)
	var s lastly.Scope
	b.ReportAllocs()
	for range b.N {
		f, err := resource.Create(&s, path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			b.Fatal(err)
		}
		if err := f.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	closeScope(b, &s)
}
