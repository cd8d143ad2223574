package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lastly-go/lastly"
)

func TestRowsSurviveReopening(t *testing.T) {
	// The name holds what means something in a URI.
	path := filepath.Join(t.TempDir(), "a?b#c%20 d.db")
	s := open(t, path)
	insert(t, s, Row{"b", "2"}, Row{"a", "1"})
	insert(t, s, Row{"a", "again"}, Row{"c", "3"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	defer s.Close()
	ids, err := s.IDs(t.Context())
	if want := []string{"a", "b", "c"}; err != nil || !slices.Equal(ids, want) {
		t.Fatalf("IDs() = %q, %v; want %q", ids, err, want)
	}
}

func TestInsertTakesAllOrNone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "rows.db"))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Insert(ctx, []Row{{"a", "1"}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Insert with a context that has ended: %v, want context.Canceled", err)
	}
	if ids, err := s.IDs(t.Context()); err != nil || len(ids) != 0 {
		t.Fatalf("IDs() = %q, %v; want none", ids, err)
	}
}

func TestOpenFails(t *testing.T) {
	if s, err := Open(filepath.Join(t.TempDir(), "missing", "rows.db")); err == nil {
		s.Close()
		t.Fatal("Open in a folder that does not exist: no error")
	}
}

func TestHookClosesTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.db")
	var scope lastly.Scope
	s, err := Register(&scope, path)
	if err != nil {
		t.Fatal(err)
	}
	insert(t, s, Row{"a", "1"})
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Errorf("an open database has no -wal file: %v", err)
	}
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after the close, %s: %v; want it gone", suffix, err)
		}
	}
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func insert(t *testing.T, s *Store, rows ...Row) {
	t.Helper()
	if err := s.Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}
