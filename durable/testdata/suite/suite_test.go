// Package suite is somebody's test with a kind of its own, which has no TestMain: what calls Init and Main are its tests.
package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

var kind = durable.Define("suite", func(context.Context, string) error { return nil })

// TestSuite says in a file that it ran, and dies with a record that a guard settles.
func TestSuite(t *testing.T) {
	durable.Init()
	tell(t, "ran")
	register := func(context.Context) error {
		_, err := kind.Register(lastly.Process(), "", lastly.Hook{})
		tell(t, fmt.Sprint(err))
		return nil
	}
	_ = register(t.Context())
	done := make(chan struct{})
	go func() { // as a test does that has something to look at meanwhile
		defer close(done)
		lastly.Program{}.Run(t.Context(), register)
	}()
	<-done
	path := filepath.Join(filepath.Dir(os.Getenv("SUITE_LOG")), "path")
	if _, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: path}, lastly.Hook{}); err != nil {
		t.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	_ = self.Kill()
	select {}
}

func tell(t *testing.T, line string) {
	f, err := os.OpenFile(os.Getenv("SUITE_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
