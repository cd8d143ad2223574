package durable_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

func TestWhatStrikes(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	for what, end := range map[string]func(*lastly.Scope, *durable.Record[note]) error{
		"Cancel": func(_ *lastly.Scope, r *durable.Record[note]) error {
			if !r.Cancel() || r.Cancel() {
				return errors.New("Cancel is not true once")
			}
			return nil
		},
		"Run":   func(_ *lastly.Scope, r *durable.Record[note]) error { return r.Run(context.Background()) },
		"Close": func(s *lastly.Scope, _ *durable.Record[note]) error { return s.Close() },
	} {
		s, name := &lastly.Scope{}, "struck by "+what
		r := mustNote(s, note{Log: log, Line: what}, lastly.Hook{Name: name})
		checkNamed(t, name, 1)
		if err := end(s, r); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		checkNamed(t, name, 0)
		if err := r.Update(note{Log: log, Line: "updated"}); !errors.Is(err, durable.ErrStruck) {
			t.Errorf("%s: Update afterwards says %v", what, err)
		}
		checkNamed(t, name, 0)
		fatal(t, s.Close())
	}
	if lines := readLines(log); len(lines) != 2 {
		t.Errorf("settled were %q, want those that were not cancelled", lines)
	}
}

// TestFailedHookKeepsItsRecord [conformance: durable]: the guard tries it again when this process is gone.
func TestFailedHookKeepsItsRecord(t *testing.T) {
	t.Parallel()
	for what, run := range map[string]func(context.Context) error{
		"error":  func(context.Context) error { return errors.New("no") },
		"panic":  func(context.Context) error { panic("no") },
		"goexit": func(context.Context) error { runtime.Goexit(); return nil },
	} {
		s, name := &lastly.Scope{}, fresh("failed by "+what)
		r := mustNote(s, note{}, lastly.Hook{Name: name, Run: run})
		if err := s.Close(); err == nil {
			t.Errorf("%s: Close is content", what)
		}
		checkNamed(t, name, 1)
		fatal(t, r.Update(note{Line: "more is known"}))
		if records := named(t, name); len(records) != 1 || !strings.Contains(string(records[0].Payload), "more is known") {
			t.Errorf("%s: the records are %+v", what, records)
		}
	}
}

func TestHookOfTheProcessItself(t *testing.T) {
	t.Parallel()
	s, log, ran := &lastly.Scope{}, filepath.Join(t.TempDir(), "log"), 0
	mustNote(s, note{Log: log, Line: "settle"}, lastly.Hook{})
	mustNote(s, note{Log: log, Line: "never"}, lastly.Hook{Run: func(context.Context) error { ran++; return nil }})
	fatal(t, s.Close())
	if lines := readLines(log); ran != 1 || len(lines) != 1 || lines[0] != "settle" {
		t.Errorf("its own hook ran %d times, settle wrote %q", ran, lines)
	}
}

func TestWhereToRegister(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	closed, zero := &lastly.Scope{}, &lastly.Scope{}
	fatal(t, closed.Close())
	log := filepath.Join(dir, "closed")
	mustNote(closed, note{Log: log, Line: "late"}, lastly.Hook{Name: "on a closed scope"})
	if lines := readLines(log); len(lines) != 1 {
		t.Errorf("on a closed scope it runs at once, but the log has %q", lines)
	}
	checkNamed(t, "on a closed scope", 0)

	log = filepath.Join(dir, "in a hook")
	child := zero.Child(lastly.Hook{Name: "child"})
	mustNote(child, note{Log: log, Line: "outer"}, lastly.Hook{Name: "registers", Run: func(context.Context) error {
		mustNote(child, note{Log: log, Line: "inner"}, lastly.Hook{Name: "registered in a hook"})
		checkNamed(t, "registered in a hook", 1)
		return nil
	}})
	if r := named(t, "registers"); len(r) != 1 || len(r[0].Scopes) != 2 || r[0].Scopes[1].Name != "child" {
		t.Errorf("its record does not say where it stands: %+v", r)
	}
	fatal(t, zero.Close())
	if lines := readLines(log); len(lines) != 1 || lines[0] != "inner" {
		t.Errorf("the log has %q", lines)
	}
	checkNamed(t, "registered in a hook", 0)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s, log := &lastly.Scope{}, filepath.Join(t.TempDir(), "log")
	r := mustNote(s, note{Log: log, Line: "0"}, lastly.Hook{Name: "updated"})
	id := r.ID()
	for i := range 100 {
		fatal(t, r.Update(note{Log: log, Line: strings.Repeat("x", i*37)}))
	}
	fatal(t, r.Update(note{Log: log, Line: "last"}))
	if records := named(t, "updated"); len(records) != 1 || !strings.Contains(string(records[0].Payload), `"last"`) {
		t.Errorf("the records are %+v", records)
	}
	if r.ID() != id || id == "" {
		t.Errorf("its ID was %q and is %q", id, r.ID())
	}
	fatal(t, s.Close())
	if lines := readLines(log); len(lines) != 1 || lines[0] != "last" {
		t.Errorf("the log has %q, want the last payload", lines)
	}
}

// TestUpdateWhileTheHookRuns: what Update accepts has to be settled by somebody.
func TestUpdateWhileTheHookRuns(t *testing.T) {
	t.Parallel()
	s, log := &lastly.Scope{}, filepath.Join(t.TempDir(), "log")
	begun, updated := make(chan struct{}), make(chan error)
	var once sync.Once
	gate = func() {
		once.Do(func() {
			close(begun)
			updated <- nil
		})
	}
	r, err := gatedKind.Register(s, note{Log: log, Line: "old"}, lastly.Hook{Name: "gated"})
	fatal(t, err)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-begun
	err = r.Update(note{Log: log, Line: "new"})
	<-updated
	fatal(t, <-closed)
	if lines := strings.Join(readLines(log), " "); err == nil && !strings.Contains(lines, "new") && len(named(t, "gated")) == 0 {
		t.Errorf("Update accepted the new payload, but settled was %q only, and no record is left", lines)
	}
}

var gate func()

var gatedKind = durable.Define("gated", func(_ context.Context, n note) error {
	gate()
	appendLine(n.Log, n.Line)
	return nil
})

// TestManyAtOnce is for the race detector, and for what must hold in the end: nothing is left.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	root := &lastly.Scope{}
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			scope := root.Child(lastly.Hook{Uses: lastly.Nothing})
			for k := range 10 {
				r := mustNote(scope, note{Log: log, Line: fmt.Sprint(i, k)}, lastly.Hook{Name: "at once", Run: nothing})
				var both sync.WaitGroup
				both.Go(func() { _ = r.Update(note{Log: log, Line: fmt.Sprint(i, k, "again")}) })
				both.Go(func() {
					switch k % 4 {
					case 0:
						r.Cancel()
					case 1:
						_ = r.Run(context.Background())
					}
				})
				_ = r.ID()
				both.Wait()
			}
			if i%2 == 0 {
				if err := scope.Close(); err != nil {
					t.Error(err)
				}
			}
		})
		if i == 50 {
			_ = root.Report()
		}
	}
	all.Wait()
	fatal(t, root.Close())
	checkNamed(t, "at once", 0)
}

// TestAbandonedHookKeepsItsRecord: and strikes it when it returns after all.
func TestAbandonedHookKeepsItsRecord(t *testing.T) {
	// Outside of the bubble: the first record starts the guard, and what waits for that would keep the fake clock still.
	first := mustNote(&lastly.Scope{}, note{}, lastly.Hook{Name: "first"})
	defer first.Cancel()
	synctest.Test(t, func(t *testing.T) {
		s, release := &lastly.Scope{}, make(chan struct{})
		mustNote(s, note{}, lastly.Hook{Name: "abandoned", Run: func(context.Context) error { <-release; return nil }})
		if err := s.Close(); err == nil {
			t.Error("Close is content")
		}
		checkNamed(t, "abandoned", 1)
		close(release)
		synctest.Wait()
		checkNamed(t, "abandoned", 0)
	})
}

func TestReportTellsOfTheGuard(t *testing.T) {
	t.Parallel()
	s := &lastly.Scope{}
	r := mustNote(s, note{}, lastly.Hook{Name: "noted"})
	defer r.Cancel()
	hook := s.Report().Hooks[0]
	if hook.Kind != "durable" || !strings.Contains(hook.Note, "guard") || !strings.Contains(hook.Site, "_test.go:") {
		t.Errorf("the report says %+v", hook)
	}
}
