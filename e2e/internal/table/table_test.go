package table

import (
	"strings"
	"testing"
)

func TestTables(t *testing.T) {
	const want = `| work | goal: at most | reached | lowest to highest | |
|---|---|---|---|---|
| append | 1.1 × a pwrite | 1.05 | 1.01 to 12 | yes |
| start | 3 ms | 1234 | 1234 to 1234 | **no** |
| beside them | median | lowest to highest |
|---|---|---|
| strike | 0.9 × a pwrite | 0.9 to 0.9 |
`
	lines := []Line{
		{Work: "append", Unit: "× a pwrite", Most: 1.1, Figures: []float64{12, 1.0501, 1.01}},
		{Work: "strike", Unit: "× a pwrite", Figures: []float64{0.9}},
		{Work: "start", Unit: "ms", Most: 3, Figures: []float64{1234}},
	}
	var b strings.Builder
	missed := Goals(&b, lines)
	Beside(&b, lines)
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if missed != 1 {
		t.Errorf("%d goals are missed, want 1", missed)
	}
}
