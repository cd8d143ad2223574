// Package plain is somebody's test that uses resources: with neither lastly.Main nor durable.Init, and no TestMain.
package plain

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

func TestPlain(t *testing.T) {
	tell(t)
	var s lastly.Scope
	dir, err := resource.TempDir(&s, "plain-*")
	if err != nil {
		t.Fatal(err)
	}
	f, err := resource.TempFile(&s, "plain-*")
	if err != nil {
		t.Fatal(err)
	}
	g, err := resource.Create(&s, filepath.Join(filepath.Dir(dir), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*os.File{f, g.File} {
		if _, err := w.WriteString("plain"); err != nil {
			t.Fatal(err)
		}
	}
	holdTheRest(t, &s)
	if os.Getenv("PLAIN_DIES") != "" {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		_ = self.Kill()
		select {}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// holdTheRest has a lock, a socket, a tree of processes and a pool.
func holdTheRest(t *testing.T, s *lastly.Scope) {
	place := os.Getenv("PLAIN_PLACE")
	if err := resource.Lock(t.Context(), s, filepath.Join(place, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := resource.Listen(s, "unix", filepath.Join(place, "socket")); err != nil {
		t.Fatal(err)
	}
	token := os.Getenv("PLAIN_TOKEN")
	cmd := exec.Command("sh", "-c", "(setsid sleep "+token+" &); exec sleep "+token)
	if _, err := resource.Start(s, cmd); err != nil {
		t.Fatal(err)
	}
	resource.Own(s, "pool", io.NopCloser(nil))
}

// tell adds a line to a file, so that it can be told how often this ran.
func tell(t *testing.T) {
	f, err := os.OpenFile(os.Getenv("PLAIN_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("ran\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
