package main

import (
	"flag"
	"io"
	"os"
	"strings"
	"testing"
)

// TestPage wants docs/rollout.md to have the table as it is printed now, and the manual to have every flag.
func TestPage(t *testing.T) {
	page := read(t, "../../docs/rollout.md")
	var b strings.Builder
	empty := table{}
	if err := empty.markdown(&b); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(b.String(), "\n")
	if !strings.Contains(page, "\n"+header+"\n") {
		t.Errorf("docs/rollout.md does not have the header %s", header)
	}
	for _, w := range wirings() {
		if !strings.Contains(page, "\n| "+w.name+" | ") {
			t.Errorf("docs/rollout.md does not have the row %q", w.name)
		}
		if w.clean && !strings.Contains(page, "\n| "+w.name+" | 2") {
			t.Errorf("docs/rollout.md does not have at least 20000 requests for %q", w.name)
		}
	}
	manual := read(t, "doc.go")
	flags, _ := newFlags(io.Discard)
	flags.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(manual, "[-"+f.Name) || !strings.Contains(page, "-"+f.Name) {
			t.Errorf("the manual or the page lack the flag -%s", f.Name)
		}
	})
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
