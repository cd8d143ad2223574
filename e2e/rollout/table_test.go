package main

import (
	"strings"
	"testing"
	"time"
)

func TestMarkdown(t *testing.T) {
	const want = `| wiring | requests | failed | refused | reset | EOF | 503 | other | restarts | slowest exit |
|---|---|---|---|---|---|---|---|---|---|
| still | 100 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | - |
| lossy | 100 | **7** | 3 | 0 | 4 | 0 | 0 | 2 | 1.25 s |

go on os, 2 CPUs, 10 requests a second; readiness is asked for every 1ms and acted on 2ms later; the drain delay is 3ms.
`
	table := table{
		Go: "go", System: "os", CPUs: 2, Rate: 10,
		Poll: time.Millisecond, Propagation: 2 * time.Millisecond, DrainDelay: 3 * time.Millisecond,
		Rows: []row{
			{Wiring: "still", Requests: 100, MustBeClean: true},
			{Wiring: "lossy", Requests: 100, Restarts: 2, SlowestExit: 1.25, Lost: map[loss]int{refused: 3, cut: 4}},
		},
	}
	var b strings.Builder
	if err := table.markdown(&b); err != nil || b.String() != want {
		t.Errorf("%v, got:\n%s\nwant:\n%s", err, b.String(), want)
	}
	if list := table.blemishes(); len(list) != 0 {
		t.Errorf("blemishes: %q, want none", list)
	}
	table.Rows[1].MustBeClean = true
	if list := table.blemishes(); len(list) != 1 || list[0] != "lossy: 7 of 100 requests lost" {
		t.Errorf("blemishes: %q", list)
	}
}

func TestWirings(t *testing.T) {
	names := make(map[string]bool)
	for _, w := range wirings() {
		if names[w.name] || roles()[w.role] == nil || w.ends == "" {
			t.Errorf("not a wiring: %+v", w)
		}
		names[w.name] = true
	}
}
