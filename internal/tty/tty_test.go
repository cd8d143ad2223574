package tty_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lastly-go/lastly/internal/tty"
)

func TestIs(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for name, f := range map[string]*os.File{"pipe": r, "null": null, "file": plain, "none": nil} {
		if tty.Is(f) {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
	if terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err == nil {
		defer terminal.Close()
		if !tty.Is(terminal) {
			t.Error("a terminal is not taken for one")
		}
	}
}
