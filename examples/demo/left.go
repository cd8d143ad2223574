package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lastly-go/lastly/examples/service/app"
	"github.com/lastly-go/lastly/examples/service/logfile"
	"github.com/lastly-go/lastly/examples/service/store"
)

// Folders in the service's folder that the demo gives it.
const (
	tempFolder    = "tmp"      // for temporary files
	journalFolder = "journals" // for what must survive it
)

// settleLimit is how long the guard of a service that is gone may take.
const settleLimit = 20 * time.Second

// What is left by nature when a process can't do anything any more: see the note of that death.
const (
	leftWAL = "db -wal"
	leftSHM = "db -shm"
	leftLog = "log cut off"
)

var byNature = []string{leftWAL, leftSHM, leftLog}

// settled lists what a service that is gone left behind, and which of it is so by nature: neither is ever nil. A guard may
// still be at work, which gets some time.
func (p *process) settled(ctx context.Context, guarded, outright bool) (left, excused []string, err error) {
	look := func() bool {
		left, excused = []string{}, []string{}
		var found []string
		if found, err = p.left(); err != nil {
			return true
		}
		for _, what := range found {
			if outright && slices.Contains(byNature, what) {
				excused = append(excused, what)
			} else {
				left = append(left, what)
			}
		}
		return len(left) == 0
	}
	if !guarded {
		look()
		return left, excused, err
	}
	limit, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	_ = poll(limit, nil, look) // what there is at the end of the time is left
	return left, excused, errors.Join(err, context.Cause(ctx))
}

// left lists what a service that is gone left behind until now.
func (p *process) left() (left []string, err error) {
	temp, err := os.ReadDir(p.path(tempFolder))
	if err != nil {
		return nil, err
	}
	for _, entry := range temp {
		left = append(left, fmt.Sprintf("temp folder (%d files)", countFiles(filepath.Join(p.path(tempFolder), entry.Name()))))
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
		case tempFolder, journalFolder: // the demo's own
		case app.DatabaseFile, app.LogFile, app.LockFile, app.UploadFolder: // these are meant to stay
		case app.DatabaseFile + "-wal", app.DatabaseFile + "-shm":
			left = append(left, "db "+name[len(app.DatabaseFile):]) // it was not closed
		case app.AddressFile:
			left = append(left, "address file")
		case app.SocketFile:
			left = append(left, "socket")
		default:
			left = append(left, name)
		}
	}
	uploads, err := p.halfUploads()
	if err != nil {
		return nil, err
	}
	left = append(left, uploads...)
	if journals, _ := filepath.Glob(filepath.Join(p.path(journalFolder), "*.*")); len(journals) > 0 { // the pattern is right
		left = append(left, "journal")
	}
	ended, err := logfile.Ended(p.path(app.LogFile))
	if err != nil {
		return nil, err
	}
	if !ended {
		left = append(left, leftLog)
	}
	return left, nil
}

// halfUploads says how many of the uploads are not whole: all are the same image.
func (p *process) halfUploads() (left []string, err error) {
	want, err := picture()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(p.path(app.UploadFolder))
	if err != nil {
		return nil, err
	}
	hidden, torn := 0, 0
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			hidden++
			continue
		}
		got, err := os.ReadFile(filepath.Join(p.path(app.UploadFolder), entry.Name()))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(got, want) {
			torn++
		}
	}
	if hidden > 0 {
		left = append(left, fmt.Sprintf("unfinished upload (%d)", hidden))
	}
	if torn > 0 {
		left = append(left, fmt.Sprintf("torn upload (%d)", torn))
	}
	return left, nil
}

// countFiles counts the files that are there; somebody may be removing them.
func countFiles(root string) (n int) {
	_ = filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return nil
	})
	return n
}

// missing opens the database again, as the next start of the service would, and counts the ids that are not there.
func (p *process) missing(ctx context.Context, acked []string) (n int, err error) {
	db, err := store.Open(store.Source{File: p.path(app.DatabaseFile)})
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
