package durable_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
)

// TestHostileRecords: whatever a record says of its place, names and times, all are settled, and nothing panics.
func TestHostileRecords(t *testing.T) {
	t.Parallel()
	deep := make([]journal.Scope, 1000)
	for i := range deep {
		deep[i] = journal.Scope{ID: uint64(i % 3), Name: "deep", Uses: []string{"deep"}, Last: i%2 == 0}
	}
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprint(i))
	}
	s := newState(t)
	var records []journal.Record
	for name, change := range map[string]func(*journal.Record){
		"plain":             func(*journal.Record) {},
		"negative timeout":  func(r *journal.Record) { r.Timeout = -time.Hour },
		"great timeout":     func(r *journal.Record) { r.Timeout = math.MaxInt64 },
		"least timeout":     func(r *journal.Record) { r.Timeout = math.MinInt64 },
		"great position":    func(r *journal.Record) { r.Position = math.MaxUint64 },
		"no scopes":         func(r *journal.Record) { r.Scopes = nil },
		"deep":              func(r *journal.Record) { r.Scopes = deep },
		"great scope":       func(r *journal.Record) { r.Scopes = []journal.Scope{{ID: math.MaxUint64}, {ID: math.MaxUint64}} },
		"nameless":          func(r *journal.Record) { r.Uses = []string{""} },
		"nothing and more":  func(r *journal.Record) { r.Uses = append(lastly.Nothing, "plain", "plain") },
		"many names":        func(r *journal.Record) { r.Uses = many },
		"of the future":     func(r *journal.Record) { r.Tried = time.Now().AddDate(200, 0, 0) },
		"of the past":       func(r *journal.Record) { r.Tried = time.Unix(-1<<33, 0) },
		"tried, never":      func(r *journal.Record) { r.Attempts = 1 },
		"never, but failed": func(r *journal.Record) { r.LastError = strings.Repeat("x", 500) },
		"no text":           func(r *journal.Record) { r.Name = "\x00\xff\n" },
		"itself":            func(r *journal.Record) { r.Uses, r.Last = []string{r.Name}, true },
	} {
		r := s.noteRecord(name, "", uint64(len(records)))
		change(&r)
		records = append(records, r)
	}
	s.orphan(gone(), records...)
	began := time.Now()
	r := s.recover(durable.Options{})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	checkCount(t, r, len(records), durable.Settled)
	s.waitEmpty()
}

// TestCyclesAreSettled: records that use each other, at random, are all settled, as they would be by a close.
func TestCyclesAreSettled(t *testing.T) {
	t.Parallel()
	s := newState(t)
	r := rand.New(rand.NewPCG(1, 2))
	var records []journal.Record
	for i := range 200 {
		rec := s.noteRecord(fmt.Sprint(i), "", uint64(i))
		rec.Name = fmt.Sprint(r.IntN(20))
		for range r.IntN(3) {
			rec.Uses = append(rec.Uses, fmt.Sprint(r.IntN(20)))
		}
		rec.Last = r.IntN(5) == 0
		for range r.IntN(4) {
			rec.Scopes = append(rec.Scopes, journal.Scope{ID: uint64(r.IntN(3)), Name: fmt.Sprint(r.IntN(20)), Uses: []string{fmt.Sprint(r.IntN(20))}})
		}
		records = append(records, rec)
	}
	s.orphan(gone(), records...)
	checkCount(t, s.recover(durable.Options{}), len(records), durable.Settled)
}
