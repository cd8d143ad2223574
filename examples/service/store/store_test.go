package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	defer closeIt(t, s)
	ids, err := s.IDs(t.Context())
	if want := []string{"a", "b", "c"}; err != nil || !slices.Equal(ids, want) {
		t.Fatalf("IDs() = %q, %v; want %q", ids, err, want)
	}
}

func TestInsertTakesAllOrNone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "rows.db"))
	defer closeIt(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Insert(ctx, []Row{{"a", "1"}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Insert with a context that has ended: %v, want context.Canceled", err)
	}
	if ids, err := s.IDs(t.Context()); err != nil || len(ids) != 0 {
		t.Fatalf("IDs() = %q, %v; want none", ids, err)
	}
}

func TestFolderThatDoesNotExist(t *testing.T) {
	s, err := Open(Source{File: filepath.Join(t.TempDir(), "missing", "rows.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, s)
	if err := s.Prepare(t.Context()); err == nil {
		t.Error("Prepare in a folder that does not exist: no error")
	}
}

// TestURLChoosesPostgres connects to none: Open asks nobody.
func TestURLChoosesPostgres(t *testing.T) {
	for _, test := range []struct {
		url, want string // want is the type of the driver, or in the error
	}{
		{"", "*sqlite.Driver"},
		{"postgres://rows:secret@localhost:1/rows", "*stdlib.Driver"},
		{"postgresql://localhost/rows?sslmode=disable", "*stdlib.Driver"},
		{"mysql://rows:secret@localhost/rows", "none of PostgreSQL"},
		{"rows.db", "none of PostgreSQL"},
		{"postgres://rows:secret@localhost:port/rows", "none of PostgreSQL"},
		{"postgres://rows:secret@localhost/rows?sslmode=perhaps", "sslmode"},
	} {
		s, err := Open(Source{URL: test.url, File: filepath.Join(t.TempDir(), "rows.db")})
		if err != nil {
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("Open(%q): %v, want an error with %q and without the password", test.url, err, test.want)
			}
			continue
		}
		if got := fmt.Sprintf("%T", s.db.Driver()); got != test.want {
			t.Errorf("Open(%q) opened a %s, want %s", test.url, got, test.want)
		}
		closeIt(t, s)
	}
}

// TestPostgresThatDoesNotAnswer is what a startup gate has to stand: an error, and in time.
func TestPostgresThatDoesNotAnswer(t *testing.T) {
	s, err := Open(Source{URL: "postgres://127.0.0.1:1/rows"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, s)
	if err := s.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("Prepare: %v, want an error that names the host", err)
	}
}

func TestHookClosesTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.db")
	var scope lastly.Scope
	s, err := Register(&scope, Source{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
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
	s, err := Open(Source{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func closeIt(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func insert(t *testing.T, s *Store, rows ...Row) {
	t.Helper()
	if err := s.Insert(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}
