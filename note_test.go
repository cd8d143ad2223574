package lastly_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
)

func TestNote(t *testing.T) {
	var s lastly.Scope
	drained := "waits"
	s.Register(lastly.Hook{
		Name: "server", Run: func(context.Context) error { drained = "drained 3"; return nil },
		Note: func() string { return drained },
	})
	s.Go(lastly.Hook{
		Name: "worker", Run: func(ctx context.Context) error { <-ctx.Done(); return nil },
		Note: func() string { return "works" },
	})
	object := new([64]int)
	lastly.Attach(&s, object, lastly.Hook{Name: "cache", Run: nop, Note: func() string { return "of 64" }})
	s.Child(lastly.Hook{Name: "module", Note: func() string { return "a\nchild" }})
	s.Register(lastly.Hook{Name: "broken", Run: nop, Note: func() string { panic("oops") }})
	s.Register(lastly.Hook{Name: "silent", Run: nop})

	check := func(want ...string) {
		t.Helper()
		r := s.Report()
		for i, note := range want {
			if r.Hooks[i].Note != note {
				t.Errorf("%s: hook %q has the note %q, want %q", r.State, r.Hooks[i].Name, r.Hooks[i].Note, note)
			}
		}
	}
	check("waits", "works", "of 64", "a\nchild", "its Note panicked: oops", "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("drained 3", "works", "of 64", "a\nchild", "its Note panicked: oops", "")
	text := s.Report().String()
	if !strings.Contains(text, "(drained 3)") || !strings.Contains(text, `(a\nchild)`) || strings.Count(text, "(")-strings.Count(text, "(cause") != 5 {
		t.Errorf("the text has other notes:\n%s", text)
	}
}

// TestNoteMustNotEndMain: OnExit's report calls the notes, where nothing may hold up the exit.
func TestNoteMustNotEndMain(t *testing.T) {
	lastly.Register(lastly.Hook{Run: nop, Note: func() string { runtime.Goexit(); return "" }})
	p := silent()
	p.OnExit = func(lastly.Report) {}
	if code := p.Run(t.Context(), nop); code != 0 {
		t.Errorf("code %d", code)
	}
}

// TestNoteMayAsk has a note that itself asks for a report: it is called without any lock.
func TestNoteMayAsk(t *testing.T) {
	var s lastly.Scope
	asked := 0
	s.Register(lastly.Hook{Name: "curious", Run: nop, Note: func() string {
		if asked++; asked == 1 {
			_ = s.Report()
			_ = s.Check()
		}
		return ""
	}})
	if _ = s.Report(); asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
	_ = s.Close()
}
