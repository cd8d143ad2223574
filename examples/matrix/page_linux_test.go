package matrix

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPage compares the table of docs/deaths.md with the deaths.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/deaths.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "\n| Death | The process ends | Settled by | Remark | `-deaths` |\n|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("docs/deaths.md has no such table")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	for i, d := range deaths() {
		if i >= len(rows) {
			t.Fatalf("the page lacks %q and all after it", d.name)
		}
		var got []string
		for cell := range strings.SplitSeq(strings.Trim(rows[i], "|"), "|") {
			got = append(got, strings.TrimSpace(cell))
		}
		remark := got[min(3, len(got)-1)]
		want := []string{d.title, strings.Join(d.exit, ", "), strings.Join(d.by, ", "), remark, "`" + d.name + "`"}
		if !slices.Equal(got, want) {
			t.Errorf("row %d of the page says %q, want %q", i+1, got, want)
		}
	}
	if more := len(rows) - len(deaths()); more > 0 {
		t.Errorf("the page has %d rows too many", more)
	}
}
