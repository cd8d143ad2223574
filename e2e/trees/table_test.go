package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sample() table {
	return table{
		Go: "go", Kernel: "7.1", CPUs: 2, Load: "0.50", Processes: 6,
		Rows: []row{
			{Tool: "a", Version: "a 1", Left: []int{1, 6, 3, 4}},
			{Tool: "a -g", Version: "a 1", Left: []int{1, 6, 3, 4}},
			{Tool: "b", Version: "b 2", Skipped: "it is not there"},
			{Tool: "c", Left: []int{0, 0, 0, 0}, MustBeClean: true},
		},
	}
}

func TestMarkdown(t *testing.T) {
	const want = `| tool | TERM to tool | KILL tool | KILL tool's group | command exits 0 |
|---|---|---|---|---|
| a | 1 | 6 | 3 | 4 |
| a -g | 1 | 6 | 3 | 4 |
| b | - | - | - | - |
| c | 0 | **2** | 0 | 0 |

b: not tried: it is not there.

Of 6 processes each. go, Linux 7.1, 2 CPUs, load 0.50 at the beginning; Debian's a 1, b 2.

| lastly's processes killed, too | environment kept | environment cleared |
|---|---|---|
| f | 0 | 3 |
| g | **1** | 3 |
| h | 2 | 3 |

| a tree of 6 processes ends: | median | ratio to the first | lowest to highest | at most 2 |
|---|---|---|---|---|
| x | 10ms | 1.00 | 1.00 to 1.00 |  |
| y | 15ms | 1.50 | 0.50 to 2.00 | yes |
| z | 40ms | 4.00 | 1.00 to 5.00 | **no** |

3 rounds; in each, one way after the other.
`
	table := sample()
	if list := table.blemishes(); len(list) != 0 {
		t.Errorf("blemishes: %q, want none", list)
	}
	table.Rows[3].Left[1] = 2
	table.Faults = []fault{{"f", 0, 3, true}, {"g", 1, 3, true}, {"h", 2, 3, false}}
	const ms = time.Millisecond
	table.Endings = []ending{
		{"x", []time.Duration{10 * ms, 20 * ms, 10 * ms}},
		{"y", []time.Duration{15 * ms, 10 * ms, 20 * ms}},
		{"z", []time.Duration{40 * ms, 20 * ms, 50 * ms}},
	}
	var b strings.Builder
	if err := table.markdown(&b); err != nil || b.String() != want {
		t.Errorf("%v, got:\n%s\nwant:\n%s", err, b.String(), want)
	}
	if list := table.blemishes(); len(list) != 2 || list[0] != "c: KILL tool: 2 of 6 processes survive" || list[1] != "g: 1 of 6 processes survive" {
		t.Errorf("blemishes: %q", list)
	}
	table.Endings, table.NotTimed = nil, "it needs more"
	b.Reset()
	if err := table.markdown(&b); err != nil || !strings.HasSuffix(b.String(), "\n\nThe end of a tree was not timed beside a PID namespace: it needs more.\n") {
		t.Errorf("%v, got:\n%s", err, b.String())
	}
}

func TestJSON(t *testing.T) {
	table, got := sample(), sample()
	var b strings.Builder
	if err := table.json(&b); err != nil {
		t.Fatal(err)
	}
	got.Rows = nil
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || len(got.Rows) != 4 || got.Rows[0].Left[1] != 6 || got.Rows[2].Left != nil {
		t.Errorf("%v: %+v\n%s", err, got, b.String())
	}
}
