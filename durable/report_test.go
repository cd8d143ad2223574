package durable_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

var sample = durable.Report{
	Began: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Duration: 1500 * time.Microsecond,
	Journals: []durable.JournalReport{
		{
			Path: "/state/7-ff.journal", Program: "example.com/p", Command: "p", Pid: 7, Created: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
			State: durable.Orphan, Died: "signal killed", Crash: "panic: x\n", Damaged: []string{"at byte 4096: torn"},
			Records: []durable.RecordReport{
				{ID: "ff-1", Kind: "remove", Name: "dir", Site: "main.go:1", Outcome: durable.Settled, Attempts: 1, Duration: time.Millisecond},
				{ID: "ff-2", Kind: "example.com/p:seat", Outcome: durable.Failed, Attempts: 2, Due: time.Date(2026, 11, 22, 10, 0, 4, 0, time.UTC), Err: errors.New("no")},
			},
		},
		{Path: "/state/x.journal", State: durable.Unusable, Why: "not a journal"},
	},
}

const sampleJSON = `{"began":"2026-11-22T10:00:00Z","duration_ns":1500000,"journals":[` +
	`{"path":"/state/7-ff.journal","program":"example.com/p","command":"p","pid":7,"created":"2026-11-22T09:00:00Z","state":"orphan",` +
	`"died":"signal killed","crash":"panic: x\n","damaged":["at byte 4096: torn"],"records":[` +
	`{"id":"ff-1","kind":"remove","name":"dir","site":"main.go:1","outcome":"settled","attempts":1,"duration_ns":1000000},` +
	`{"id":"ff-2","kind":"example.com/p:seat","outcome":"failed","attempts":2,"due":"2026-11-22T10:00:04Z","error":"no","duration_ns":0}]},` +
	`{"path":"/state/x.journal","state":"unusable","why":"not a journal","records":[]}]}`

const sampleText = `1 settled, 1 failed, 0 left, in 1.5ms
orphan p (process 7), died: signal killed
  damaged: at byte 4096: torn
  settled     remove               "dir"
  failed      example.com/p:seat   ""  no
`

// TestReportForms: the JSON form is promised.
func TestReportForms(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(sample)
	if err != nil || string(text) != sampleJSON {
		t.Errorf("%v\n%s\nwant\n%s", err, text, sampleJSON)
	}
	if text, _ := json.Marshal(durable.Report{}); string(text) != `{"began":"0001-01-01T00:00:00Z","duration_ns":0,"journals":[]}` {
		t.Errorf("an empty one is %s", text)
	}
	if got := sample.String(); !strings.HasPrefix(got, sampleText) || !strings.Contains(got, "not a journal") {
		t.Errorf("the text is\n%s", got)
	}
	if n := sample.Count(durable.Settled, durable.Failed); n != 2 || sample.Count() != 0 {
		t.Errorf("counted are %d", n)
	}
}

// TestReportsAreKept: the newest hundred, in order, also in a folder with a name that Glob would read as a pattern.
func TestReportsAreKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "[a-b]*")
	fatal(t, os.MkdirAll(filepath.Join(dir, "reports"), 0o700))
	for i := range 3 {
		fatal(t, os.WriteFile(filepath.Join(dir, "reports", fmt.Sprintf("2026112%dT100000.000000000-x.json", 3-i)), nil, 0o600))
	}
	for _, other := range []string{".new-2026.json", "README"} {
		fatal(t, os.WriteFile(filepath.Join(dir, "reports", other), nil, 0o600))
	}
	paths, err := durable.Reports(dir)
	if err != nil || len(paths) != 3 || !strings.Contains(paths[0], "20261121") || !strings.Contains(paths[2], "20261123") {
		t.Errorf("%q, %v", paths, err)
	}
	if paths, err := durable.Reports(filepath.Join(t.TempDir(), "none")); err != nil || len(paths) != 0 {
		t.Errorf("of no folder: %q, %v", paths, err)
	}
}

// TestReportsHaveNoPayloads: they may be private.
func TestReportsHaveNoPayloads(t *testing.T) {
	t.Parallel()
	s := newState(t)
	const secret = "hunter2"
	s.orphan(gone(),
		journal.Record{Kind: noteName, Name: "a", Payload: inJSON(t, note{Log: s.log, Line: secret, Do: "fail"})},
		journal.Record{Kind: noteName, Name: "b", Payload: []byte(`{"Line":"` + secret + `","` + secret + `":1}`)},
		journal.Record{Kind: noteName, Name: "c", Payload: []byte(`"` + secret + `"`)},
		journal.Record{Kind: "http", Name: "d", Payload: []byte(`{"method":"GET","url":"http://u:` + secret + `@127.0.0.1:1/"}`)},
		journal.Record{Kind: "http", Name: "e", Payload: []byte(`{"method":"GET","url":"http://127.0.0.1:1/?token=` + secret + `"}`)},
		journal.Record{Kind: "http", Name: "f", Payload: []byte(`{"method":"GET","url":"http://127.0.0.1:1/","header":{"X-Key":"` + secret + `"}}`)},
		journal.Record{Kind: program + ":unknown", Name: "g", Payload: []byte(`"` + secret + `"`)},
	)
	r := s.recover(durable.Options{})
	text, err := json.Marshal(r)
	fatal(t, err)
	checkCount(t, r, 6, durable.Failed)
	for _, form := range []string{string(text), r.String()} {
		for line := range strings.SplitSeq(form, "\n") {
			if strings.Contains(line, secret) && !strings.Contains(line, "unknown field") {
				t.Errorf("it contains a payload: %s", line)
			}
		}
	}
}
