package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	r := Result{Took: 1234 * time.Millisecond, Rows: []Row{
		{Death: "a", Title: "first", Exit: "exit 0", MS: 7, Cells: []Cell{{Resource: "file", Clean: true, By: ByHook}, {Resource: "kind", Clean: true, By: ByGuard, Times: 2}}},
		{Death: "b", Title: "second", Exit: "signal killed", Note: "a note", Cells: []Cell{{Resource: "file", Problem: "it is there"}, {Resource: "kind", Clean: true, By: ByNext, Times: 1}}},
		{Death: "c", Title: "third", Skipped: "no luck", Cells: []Cell{{Resource: "file"}, {Resource: "kind"}}},
		{Death: "d", Title: "fourth", Exit: "exit 0", Problems: []string{"a bystander"}, Cells: []Cell{{Resource: "file", Clean: true, By: BySweep}, {Resource: "kind", Clean: true, By: Nobody}}},
	}}
	for i := range r.Rows {
		r.Rows[i].judge()
	}
	r.count()
	const want = `
DEATH       CLEAN  EXIT           MS  FILE   KIND
first       yes    exit 0         7   hook   guard x2
second [1]  NO     signal killed  0   NO     next start
third [2]   skip                      skip   skip
fourth [3]  NO     exit 0         0   sweep  left alone
[1] a note; NOT CLEAN, file: it is there
[2] not here: no luck
[3] NOT CLEAN: a bystander

4 deaths, 8 cells: 5 clean, 1 not clean, 2 skipped; 1 deaths with other problems; in 1.2s
`
	var got strings.Builder
	if err := r.WriteTable(&got); err != nil {
		t.Fatal(err)
	}
	if "\n"+got.String() != want {
		t.Errorf("got:\n%s\nwant:%s", got.String(), want)
	}
	if r.OK() {
		t.Error("it is OK, with a row that is not clean")
	}
	r.Rows[1].Cells[0] = Cell{Resource: "file", Clean: true}
	r.Rows = r.Rows[:3]
	for i := range r.Rows {
		r.Rows[i].judge()
	}
	r.Dirty = 0
	if !r.OK() {
		t.Error("it is not OK, because of a row that was skipped")
	}
}

func TestJSON(t *testing.T) {
	want := Result{Rows: []Row{{Death: "a", Clean: true, Cells: []Cell{{Resource: "file", Clean: true, By: ByHook}}}}, Cells: 1, Clean: 1}
	var text bytes.Buffer
	if err := want.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(text.Bytes(), &got); err != nil || len(got.Rows) != 1 || got.Rows[0].Cells[0] != want.Rows[0].Cells[0] || got.Clean != 1 {
		t.Errorf("got %+v, %v from %s", got, err, text.String())
	}
}

func TestTableFails(t *testing.T) {
	full := errors.New("disk full")
	if err := (Result{}).WriteTable(brokenWriter{full}); !errors.Is(err, full) {
		t.Errorf("WriteTable: %v, want %v", err, full)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
