package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(roleVariable); text != "" {
		os.Exit(serve(text))
	}
	// The race detector lets a process linger for a second when it exits.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	if code := command([]string{"-help"}, io.Discard, io.Discard); code != 0 {
		t.Errorf("-help: exit code %d, want 0", code)
	}
	for _, args := range [][]string{{"-requests", "0"}, {"-restarts", "0"}, {"-only", "no such wiring"}, {"-nonsense"}, {"argument"}} {
		if code := command(args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
}

func TestCommand(t *testing.T) {
	var out, talk bytes.Buffer
	if code := command([]string{"-json", "-requests", "50", "-only", "no restarts"}, &out, &talk); code != 0 {
		t.Fatalf("exit code %d\n%s", code, talk.String())
	}
	var got table
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Rows) != 1 || got.Rows[0].Requests < 50 {
		t.Errorf("got %+v, %v\n%s", got, err, out.String())
	}
}
