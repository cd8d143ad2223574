package run

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
)

// TestConfigure: what the file says as flags stands before those of the command line, and the time is that of both.
func TestConfigure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.yaml")
	text := "grace: 1\ntimeout: 1m\nlock: [a]\nreport: a\nhooks:\n  - {argv: [sh], timeout: 30s}\n  - {argv: [sh], timeout: 1m}\n  - {argv: [sh]}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--no-wait", "--config", path, "--lock", "b", "--timeout=2m", "--report", "b", "--", "x"}
	o, err := engine.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(o)
	if err := r.configure(args); err != nil {
		t.Fatal(err)
	}
	got := r.options
	if got.Grace != 1000 || got.Timeout != 120_000 || !slices.Equal(got.Lock, []string{"a", "b"}) || got.Report != "b" || !got.NoWait || !slices.Equal(got.Command, []string{"x"}) {
		t.Errorf("%+v", got)
	}
	if want := lastly.DefaultGrace + 90*time.Second; r.scope.Grace != want {
		t.Errorf("all hooks together have %v, want %v", r.scope.Grace, want)
	}
	if least := r.scope.Grace + 10*time.Minute; r.guardLimit() < least { // of `lastly add --timeout 10m`, about which nobody knows yet
		t.Errorf("a guard has %v, want %v at least", r.guardLimit(), least)
	}
}
