package durable_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

const (
	program  = "github.com/lastly-go/lastly"
	noteName = program + ":note"
)

// gone is an owner of this program that is no more: its number is beyond all that are given out.
func gone() journal.Owner {
	return journal.Owner{
		Program: program, Command: "gone", Host: proc.HostID(), Boot: proc.BootID(), Namespace: proc.Namespace(),
		Pid: 1<<22 + 17, Start: 42, UID: os.Geteuid(), Created: time.Now(),
	}
}

// orphan makes a journal whose owner is gone, with these records.
func (s *state) orphan(o journal.Owner, records ...journal.Record) string {
	s.t.Helper()
	j, err := journal.Create(s.dir, o, journal.Options{})
	fatal(s.t, err)
	for i := range records {
		_, err := j.Append(&records[i])
		fatal(s.t, err)
	}
	fatal(s.t, j.Close())
	return j.Path()
}

// noteRecord is what registering a note leaves in the journal.
func (s *state) noteRecord(line, do string, position uint64) journal.Record {
	n := s.note(line)
	n.Do = do
	return journal.Record{
		Kind: noteName, Name: line, Payload: inJSON(s.t, n), Position: position, Scopes: []journal.Scope{{ID: 1, Name: "scope"}},
	}
}

func inJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	fatal(t, err)
	return text
}

// content reads a journal.
func (s *state) content(path string) []journal.Record {
	s.t.Helper()
	_, c, err := journal.Read(path)
	fatal(s.t, err)
	records := make([]journal.Record, len(c.Entries))
	for i, e := range c.Entries {
		records[i] = e.Record
	}
	return records
}

// beside is a path beside the folder of journals.
func (s *state) beside(name string) string { return filepath.Join(filepath.Dir(s.dir), name) }
