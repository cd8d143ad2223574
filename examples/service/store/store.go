// Package store keeps rows in a database: a SQLite file, or PostgreSQL.
//
// The SQLite file is in WAL mode: while it is open there are two more files beside it, -wal and -shm. Close moves what they
// hold into the database and removes them; a process that ends without Close leaves them behind, and the next Open recovers
// from them. With either database a row is safe from the moment Insert has returned nil, also from a loss of power.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver in pure Go: the example needs no C compiler
)

// Row is one row: whatever was put under an id.
type Row struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A Source says where the database is.
type Source struct {
	URL  string // of a PostgreSQL database, postgres://user:password@host/name; "" for none
	File string // without a URL, the path of a SQLite file
}

// Store is an open database. Its methods may be called concurrently.
type Store struct {
	db *sql.DB
}

// Open opens the database without asking it anything yet: see Prepare. A SQLite file is made if there is none.
func Open(from Source) (*Store, error) {
	if from.URL != "" {
		return openPostgres(from.URL)
	}
	db, err := sql.Open("sqlite", dsn(from.File))
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", from.File, err)
	}
	// SQLite has one writer at a time anyway; with one connection nobody ever meets SQLITE_BUSY.
	db.SetMaxOpenConns(1)
	return &Store{db: db}, nil
}

// openPostgres uses database/sql over pgx, so that everything below is one code for both databases.
func openPostgres(address string) (*Store, error) {
	if u, err := url.Parse(address); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		// Without the URL itself, since there may be a password in it.
		return nil, errors.New("store: the database's URL is none of PostgreSQL: give postgres://user:password@host:port/name, or none for a SQLite file")
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("store: the database's URL: %w", err)
	}
	return &Store{db: stdlib.OpenDB(*config)}, nil
}

// dsn is path as SQLite wants it: a URI, in which ?, # and % would otherwise mean something.
func dsn(path string) string {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	return "file:" + escaped + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
}

// Prepare connects, and makes the table if it is not there. Nothing works before.
func (s *Store) Prepare(ctx context.Context) error {
	const schema = `CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, text TEXT NOT NULL)`
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("store: prepare: %w", err)
	}
	return nil
}

// Insert commits all rows or none. An id that is already there keeps its row, so that a client may send it again.
func (s *Store) Insert(ctx context.Context, rows []Row) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: insert %d rows: %w", len(rows), err)
	}
	defer tx.Rollback() // does nothing after Commit
	insert, err := tx.PrepareContext(ctx, `INSERT INTO rows (id, text) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`)
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

// Close closes every connection; a SQLite file loses its -wal and -shm with that.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}
