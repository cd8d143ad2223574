package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver in pure Go
)

// A table says who holds which seat. A seat that nobody holds has no row.
type table struct{ db *sql.DB }

func open(path string) (*table, error) {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+escaped+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	const schema = `CREATE TABLE IF NOT EXISTS seats (seat INTEGER PRIMARY KEY, holder TEXT NOT NULL) STRICT`
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), db.Close())
	}
	return &table{db}, nil
}

func (t *table) close() error { return t.db.Close() }

// book takes a seat for a holder. It returns false if somebody has it.
func (t *table) book(ctx context.Context, seat int, holder string) (bool, error) {
	done, err := t.db.ExecContext(ctx, `INSERT INTO seats (seat, holder) VALUES (?, ?) ON CONFLICT (seat) DO NOTHING`, seat, holder)
	if err != nil {
		return false, fmt.Errorf("book seat %d: %w", seat, err)
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

// release gives a seat back if this holder has it. Any number of times is as good as once: the seat may be another
// holder's by now.
func (t *table) release(ctx context.Context, seat int, holder string) error {
	if _, err := t.db.ExecContext(ctx, `DELETE FROM seats WHERE seat = ? AND holder = ?`, seat, holder); err != nil {
		return fmt.Errorf("release seat %d: %w", seat, err)
	}
	return nil
}

// print writes a line for each seat that is held.
func (t *table) print(ctx context.Context, w io.Writer) error {
	rows, err := t.db.QueryContext(ctx, `SELECT seat, holder FROM seats ORDER BY seat`)
	if err != nil {
		return fmt.Errorf("list the seats: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seat int
		var holder string
		if err := rows.Scan(&seat, &holder); err != nil {
			return fmt.Errorf("list the seats: %w", err)
		}
		fmt.Fprintln(w, "seat", seat, "is held by", holder)
	}
	return rows.Err()
}
