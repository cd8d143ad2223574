package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly/examples/service/app"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/store"
)

// tempFolder is where, in the service's folder, its temporary files go.
const tempFolder = "tmp"

// left lists what a service that is gone left behind: never nil, and empty if it ended right.
func (p *process) left() ([]string, error) {
	left := []string{}
	temp, err := os.ReadDir(p.path(tempFolder))
	if err != nil {
		return nil, err
	}
	for _, entry := range temp {
		files, err := countFiles(filepath.Join(p.path(tempFolder), entry.Name()))
		if err != nil {
			return nil, err
		}
		left = append(left, fmt.Sprintf("temp folder (%d files)", files))
	}
	if p.orphaned() {
		left = append(left, "child process")
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		switch name := entry.Name(); name {
		case tempFolder, app.DatabaseFile, app.LogFile: // these are meant to stay
		case app.DatabaseFile + "-wal", app.DatabaseFile + "-shm":
			left = append(left, "db "+name[len(app.DatabaseFile):]) // it was not closed
		case app.AddressFile:
			left = append(left, "address file")
		default:
			left = append(left, name)
		}
	}
	ended, err := logfile.Ended(p.path(app.LogFile))
	if err != nil {
		return nil, err
	}
	if !ended {
		left = append(left, "log cut off")
	}
	return left, nil
}

func countFiles(root string) (n int, err error) {
	err = filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	})
	return n, err
}

// missing opens the database again, as the next start of the service would, and counts the ids that are not there.
func (p *process) missing(ctx context.Context, acked []string) (n int, err error) {
	db, err := store.Open(p.path(app.DatabaseFile))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ids, err := db.IDs(ctx)
	if err != nil {
		return 0, err
	}
	found := make(map[string]bool, len(ids))
	for _, id := range ids {
		found[id] = true
	}
	for _, id := range acked {
		if !found[id] {
			n++
		}
	}
	return n, nil
}
