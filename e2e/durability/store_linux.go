package main

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"path/filepath"

	"go.etcd.io/bbolt"
	_ "modernc.org/sqlite" // the driver

	"github.com/lastly-go/lastly/e2e/durability/internal/bare"
	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// A store is what somebody could take instead of a journal: it has a put for one record, which is there when it returns.
type store struct {
	name  string
	waits bool // for the disk
	put   func(payload []byte) error
	close func() error
}

// storeLines compare the stores with a bare pwrite.
func (l *lab) storeLines() ([]*line, func() error, error) {
	floor, err := bare.New(filepath.Join(l.dir, "floor"), l.sizes.batch*bare.SlotSize, false)
	if err != nil {
		return nil, nil, err
	}
	safe, err := bare.New(filepath.Join(l.dir, "safe"), l.sizes.batch*bare.SlotSize, true)
	if err != nil {
		return nil, nil, errors.Join(err, floor.Close())
	}
	ends := []func() error{floor.Close, safe.Close}
	done := func() error {
		var errs []error
		for _, end := range ends {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}
	lines := []*line{{
		work: "a pwrite and an fdatasync", unit: "× a pwrite of 256 B",
		figure: l.ratio(safe.Syncing(l.sizes.syncs), floor.Writing(1, l.sizes.batch)),
	}}
	for _, open := range []func(dir string) (*store, error){
		func(dir string) (*store, error) { return openBolt(dir, true) },
		func(dir string) (*store, error) { return openBolt(dir, false) },
		func(dir string) (*store, error) { return openSQLite(dir, "OFF") },
		func(dir string) (*store, error) { return openSQLite(dir, "FULL") },
	} {
		dir, err := l.folder("store")
		if err != nil {
			return nil, nil, errors.Join(err, done())
		}
		s, err := open(dir)
		if err != nil {
			return nil, nil, errors.Join(err, done())
		}
		ends = append(ends, s.close)
		n := l.sizes.batch / 5
		if s.waits {
			n = l.sizes.syncs / 5
		}
		lines = append(lines, &line{
			work: s.name, unit: "× a pwrite of 256 B",
			figure: l.ratio(s.putting(max(1, n)), floor.Writing(1, l.sizes.batch)),
		})
	}
	return lines, done, nil
}

func (s *store) putting(n int) turns.Side {
	p := payload()
	return func() (float64, error) { return turns.Each(n, func() error { return s.put(p) }) }
}

// openBolt makes a bbolt database. With noSync, it does not wait for the disk.
func openBolt(dir string, noSync bool) (*store, error) {
	db, err := bbolt.Open(filepath.Join(dir, "bolt"), 0o600, &bbolt.Options{NoSync: noSync})
	if err != nil {
		return nil, err
	}
	bucket := []byte("records")
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &store{name: "bbolt, 200 B, NoSync", close: db.Close}
	if !noSync {
		s.name, s.waits = "bbolt, 200 B, sync", true
	}
	key := uint64(0)
	s.put = func(payload []byte) error {
		return db.Update(func(tx *bbolt.Tx) error {
			key++
			return tx.Bucket(bucket).Put(binary.BigEndian.AppendUint64(nil, key), payload)
		})
	}
	return s, nil
}

// openSQLite makes a SQLite database with a write-ahead log. synchronous is OFF or FULL.
func openSQLite(dir, synchronous string) (*store, error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "sqlite"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // the pragmas are a connection's
	for _, statement := range []string{
		"PRAGMA journal_mode = WAL", "PRAGMA synchronous = " + synchronous, "CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB)",
	} {
		if _, err := db.Exec(statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	insert, err := db.Prepare("INSERT INTO records (payload) VALUES (?)")
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{
		name: "modernc.org/sqlite, 200 B, WAL, synchronous " + synchronous, waits: synchronous != "OFF",
		put: func(payload []byte) error {
			_, err := insert.Exec(payload)
			return err
		},
		close: func() error { return errors.Join(insert.Close(), db.Close()) },
	}, nil
}
