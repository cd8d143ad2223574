// Package store keeps rows in a SQLite database file.
//
// The database is in WAL mode: while it is open there are two more files beside it, -wal and -shm. Close moves what
// they hold into the database and removes them; a process that ends without Close leaves them behind, and the next Open
// recovers from them. A row is safe from the moment Insert has returned nil, also from a loss of power.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver in pure Go: the example needs no C compiler
)

// Row is one row: whatever was put under an id.
type Row struct {
	ID   string
	Text string
}

// Store is an open database. Its methods may be called concurrently.
type Store struct {
	db *sql.DB
}

// Open opens the database file at path, and creates it if there is none.
func Open(path string) (*Store, error) {
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	// SQLite has one writer at a time anyway; with one connection nobody ever meets SQLITE_BUSY.
	db.SetMaxOpenConns(1)
	const schema = `CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT`
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("store: prepare %s: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}

// dsn is path as SQLite wants it: a URI, in which ?, # and % would otherwise mean something.
func dsn(path string) string {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	return "file:" + escaped + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
}

// Insert commits all rows or none. An id that is already there keeps its row, so that a client may send it again.
func (s *Store) Insert(ctx context.Context, rows []Row) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: insert %d rows: %w", len(rows), err)
	}
	defer tx.Rollback() // does nothing after Commit
	insert, err := tx.PrepareContext(ctx, `INSERT INTO rows (id, text) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`)
	if err != nil {
		return fmt.Errorf("store: insert %d rows: %w", len(rows), err)
	}
	defer insert.Close()
	for _, row := range rows {
		if _, err := insert.ExecContext(ctx, row.ID, row.Text); err != nil {
			return fmt.Errorf("store: insert %q: %w", row.ID, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: commit %d rows: %w", len(rows), err)
	}
	return nil
}

// IDs returns the id of every row, in order.
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id FROM rows ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("store: list ids: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("store: list ids: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: list ids: %w", err)
	}
	return ids, nil
}

// Close closes the database, which takes the -wal and -shm files away.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}
