package lastly_test

import (
	"go/format"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestPackagePages looks that docs/resource.md and docs/web.md have everything that their packages export.
func TestPackagePages(t *testing.T) {
	for _, pkg := range []string{"resource", "web"} {
		page := readFile(t, "docs/"+pkg+".md")
		known := 0
		for line := range strings.Lines(readFile(t, "testdata/api.txt")) {
			rest, ok := strings.CutPrefix(strings.TrimSpace(line), "lastly/"+pkg+": ")
			class, rest, _ := strings.Cut(rest, " ")
			if !ok || class != "func" && class != "type" && class != "const" && class != "var" {
				continue
			}
			known++
			name := rest
			if end := strings.IndexAny(rest, " ([{="); end >= 0 {
				name = rest[:end]
			}
			if name != "" && !strings.Contains(page, name) { // "" is a method
				t.Errorf("docs/%s.md does not mention %s", pkg, name)
			}
		}
		if known == 0 {
			t.Errorf("testdata/api.txt has nothing of package %s", pkg)
		}
	}
}

// TestPagesCode looks that what the pages show of Go can be parsed, and is formatted. "..." on a line
// of its own, or in braces, stands for code that is left out.
func TestPagesCode(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	leftOut := regexp.MustCompile(`(?m)^(\s*)\.\.\.$`)
	for _, file := range house(t).files {
		if path.Ext(file) != ".md" {
			continue
		}
		page := readFile(t, file)
		for _, at := range block.FindAllStringSubmatchIndex(page, -1) {
			code := leftOut.ReplaceAllString(page[at[2]:at[3]], "$1// ...")
			code = strings.ReplaceAll(code, "{ ... }", "{ /* ... */ }")
			line := 1 + strings.Count(page[:at[2]], "\n")
			formatted, err := format.Source([]byte(code))
			if err != nil {
				t.Errorf("%s:%d: %v", file, line, err)
			} else if string(formatted) != code {
				t.Errorf("%s:%d is not formatted; gofmt has\n%s", file, line, formatted)
			}
		}
	}
}
