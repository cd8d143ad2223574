package durable_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// TestNoteOfUser has a note of its own beside the guard's, which is of interest only until the hook has run.
func TestNoteOfUser(t *testing.T) {
	var s lastly.Scope
	_, err := durable.Remove.Register(&s, durable.Path{Path: filepath.Join(t.TempDir(), durable.NewName("note-"))}, lastly.Hook{
		Name: "file", Run: func(context.Context) error { return nil }, Note: func() string { return "an upload" },
	})
	must(err)
	if note := s.Report().Hooks[0].Note; !strings.HasPrefix(note, "an upload; ") || !strings.Contains(note, "guard") {
		t.Errorf("the plan has the note %q", note)
	}
	must(s.Close())
	if note := s.Report().Hooks[0].Note; note != "an upload" {
		t.Errorf("the report has the note %q", note)
	}
}
