package logfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
)

func TestEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Info("hello", "msg", end)
	wantEnded(t, path, false)
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantEnded(t, path, true)
	l.Info("too late")
	wantEnded(t, path, true)

	// The next run appends, and the end of the run before does not count for it.
	l, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Info(strings.Repeat("x", 1<<17)) // more than the buffer holds
	wantEnded(t, path, false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantEnded(t, path, true)
}

func TestErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "a.log")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open: %v, want an error that names the file", err)
	}
	if _, err := Ended(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Ended: %v, want an error that names the file", err)
	}
}

func TestHooksCanLogUntilTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	var scope lastly.Scope
	// Registered before the log, hence after it in plain LIFO: Last is what keeps the log open.
	var l *Log
	lastly.DeferIn(&scope, "early", func() { l.Info("the last word") })
	l, err := Register(&scope, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "the last word") {
		t.Errorf("log: %q, %v; want the last word in it", text, err)
	}
	wantEnded(t, path, true)
}

func wantEnded(t *testing.T, path string, want bool) {
	t.Helper()
	if got, err := Ended(path); err != nil || got != want {
		t.Errorf("Ended() = %v, %v; want %v", got, err, want)
	}
}
