package durable_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

// A service notes the keys of the requests that it gets, and fails the first few.
type service struct {
	mu   sync.Mutex
	fail int
	keys []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, r.Method+" "+r.Header.Get("Idempotency-Key"))
	if s.fail > 0 {
		s.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (s *service) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys
}

// TestIdempotencyKey: one record is one key, in the process and in every later attempt.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	svc := &service{fail: 3}
	server := httptest.NewServer(svc)
	defer server.Close()
	scope, name := &lastly.Scope{}, fresh("request")
	r, err := durable.HTTP.Register(scope, durable.Request{Method: "DELETE", URL: server.URL}, lastly.Hook{Name: name})
	fatal(t, err)
	id := r.ID()
	if scope.Close() == nil {
		t.Error("503 is content")
	}
	records := named(t, name)
	if len(records) != 1 {
		t.Fatalf("the records are %+v", records)
	}

	s := newState(t)
	path := s.orphan(gone(), records[0])
	for range 2 {
		if r := one(t, s.recover(durable.Options{Retry: true})); r.Outcome != durable.Failed || !strings.Contains(r.Err.Error(), "503") {
			t.Errorf("%+v", r)
		}
	}
	last := one(t, s.recover(durable.Options{Retry: true}))
	keys := svc.seen()
	if last.Outcome != durable.Settled || len(keys) != 4 || exists(path) {
		t.Fatalf("%+v, requests: %q", last, keys)
	}
	if keys[0] != "DELETE "+id || id == "" {
		t.Errorf("the process used the key %q, the record's ID is %q", keys[0], id)
	}
	for _, key := range keys[1:] { // of the copied record: another journal
		if key != "DELETE "+last.ID || last.ID == id {
			t.Errorf("a later attempt used the key %q, the record's ID is %q", key, last.ID)
		}
	}
}

// TestHostilePayloads: what Register would not have written is a failed attempt, whatever it says.
func TestHostilePayloads(t *testing.T) {
	t.Parallel()
	s := newState(t)
	var records []journal.Record
	for kind, texts := range map[string][]string{
		"remove": {
			``, `null`, `{}`, `"/"`, `[]`, `{"Path":"/tmp/x"}`, `{"v":1}`, `{"v":2,"path":"/tmp/x","kind":"named","dirs":[],"uid":0}`,
			`{"v":1,"path":"relative","kind":"named","dirs":[],"uid":0}`, `{"v":1,"path":"/","kind":"existing","dirs":[],"uid":0}`,
			`{"v":1,"path":"/tmp/../etc","kind":"named","dirs":["a"],"uid":0}`, `{"v":1,"path":"/tmp/x","kind":"random","dirs":[],"uid":0,"more":1}`,
		},
		"kill": {
			``, `null`, `{}`, `{"Pid":2}`, `{"pid":2}`, `{"pid":-1}`, `{"pid":1}`, `{"mark":""}`, `{"mark":"00"}`, `{"pid":2,"target":{"pid":3}}`,
			`{"pid":2,"grace_ns":-1}`, `{"pid":2,"unknown":1}`, `{"group":true}`,
		},
		"exec": {``, `null`, `{}`, `{"args":[]}`, `{"args":[""]}`, `{"args":["true"]}`, `{"args":["/bin/true"],"env":["A=b"]}`, `{"args":["/bin/true"],"dir":"relative"}`, `{"Args":["/bin/true"]}`},
		"http": {``, `null`, `{}`, `{"method":"GET"}`, `{"method":"GET","url":"file:///etc/passwd"}`, `{"method":"G T","url":"http://127.0.0.1:1"}`, `{"method":"GET","url":"relative"}`},
		"lock": {``, `{}`, `{"path":"x"}`, `[]`, `{"path":"x","key":-1}`, `{"path":"x","key":1,"more":2}`},
	} {
		for _, text := range texts {
			records = append(records, journal.Record{Kind: kind, Name: text, Payload: []byte(text)})
		}
	}
	s.orphan(gone(), records...)
	r := s.recover(durable.Options{})
	for _, rec := range r.Journals[0].Records {
		if rec.Outcome != durable.Failed || rec.Err == nil {
			t.Errorf("%s %s: %s (%v)", rec.Kind, rec.Name, rec.Outcome, rec.Err)
		}
	}
	if text, err := json.Marshal(r); err != nil || !json.Valid(text) {
		t.Errorf("the report has no JSON form: %v", err)
	}
}

// TestPayloadsKeepTheirTargets: what was captured at Register is what the journal has, and what settles.
func TestPayloadsKeepTheirTargets(t *testing.T) {
	t.Parallel()
	s, scope := newState(t), &lastly.Scope{}
	file := s.beside("file")
	appendLine(file, "x")
	r, err := durable.Remove.Register(scope, durable.Path{Path: file}, lastly.Hook{Name: "target"})
	fatal(t, err)
	record := named(t, "target")[0]
	if !r.Cancel() || !exists(file) {
		t.Fatal("Cancel has removed it")
	}
	s.orphan(gone(), record)
	checkCount(t, s.recover(durable.Options{}), 1, durable.Settled)
	if exists(file) {
		t.Error("it is still there")
	}
	appendLine(file, "another")
	s.orphan(gone(), record)
	if got := one(t, s.recover(durable.Options{})); !exists(file) {
		t.Errorf("another file was removed: %+v", got)
	}
	if err := r.Update(durable.Path{Path: file}); err == nil {
		t.Error("a cancelled record can be updated")
	}
}
