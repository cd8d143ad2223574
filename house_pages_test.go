package lastly_test

import (
	"cmp"
	"context"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestReadme keeps the README's promises: the two commands, and programs that are those in examples.
func TestReadme(t *testing.T) {
	readme := readFile(t, "README.md")
	for _, command := range []string{"go run ./examples/demo", "go test work"} {
		if !strings.Contains(readme, "\n    "+command+"\n") {
			t.Errorf("README.md does not have the command %q on a line of its own", command)
		}
	}
	for _, file := range []string{"examples/first/main.go", "examples/tempfolder/main.go"} {
		_, program, ok := strings.Cut(readFile(t, file), "\npackage main\n")
		if !ok || !strings.Contains(readme, "```go\npackage main\n"+program+"```\n") {
			t.Errorf("README.md does not have the program of %s", file)
		}
	}
}

// TestLinks follows the links of every page to files of the repository.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	for _, file := range house(t).files {
		if path.Ext(file) != ".md" {
			continue
		}
		for _, found := range link.FindAllStringSubmatch(readFile(t, file), -1) {
			if _, err := os.Stat(path.Join(path.Dir(file), found[1])); err != nil {
				t.Errorf("%s has a link to %s: %v", file, found[1], err)
			}
		}
	}
}

// TestDurablePage looks that docs/durable.md explains every error, built-in kind and outcome of package durable, and has
// its numbers.
func TestDurablePage(t *testing.T) {
	numbers := map[string]string{
		"MaxAttempts untyped int = 8":                   "After the eighth",
		"MaxPayload untyped int = 65536":                "64 KiB of JSON (`MaxPayload`)",
		"DefaultGuardLimit time.Duration = 10000000000": "`GuardLimit` (10 s)",
		"DefaultLimit time.Duration = 60000000000":      "a minute",
	}
	page := readFile(t, "docs/durable.md")
	for line := range strings.Lines(readFile(t, "testdata/api.txt")) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "lastly/durable: ")
		class, name, _ := strings.Cut(name, " ")
		what := ""
		switch {
		case !ok || class == "func" || class == "type" || class == "field" || class == "method" || strings.Contains(name, " State = "):
			continue
		case class == "var":
			name, _, _ = strings.Cut(name, " ")
			what = "| `" + name + "` |" // a row of the table of kinds, or of errors
		case strings.Contains(name, " Outcome = "):
			_, what, _ = strings.Cut(name, " Outcome = ")
		default:
			what = cmp.Or(numbers[name], name)
		}
		if !strings.Contains(page, what) {
			t.Errorf("docs/durable.md lacks %s", what)
		}
	}
}

// tables returns the tables of a page that have the given header, cell by cell.
func tables(t *testing.T, page, header string) (all [][][]string) {
	t.Helper()
	inTable := false
	for line := range strings.Lines(readFile(t, page)) {
		line = strings.TrimSpace(line)
		switch {
		case line == header:
			inTable = true
			all = append(all, nil)
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "|--"):
			var cells []string
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			all[len(all)-1] = append(all[len(all)-1], cells)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no table with the header %s", page, header)
	}
	return all
}

// TestOrderPage registers the hooks of the tables in docs/order.md and compares the plan.
func TestOrderPage(t *testing.T) {
	for k, table := range tables(t, "docs/order.md", "| # | hook | Uses | Last | after | beside |") {
		var scope lastly.Scope
		for _, row := range table {
			hook := lastly.Hook{Name: row[1], Last: row[3] == "yes", Run: func(context.Context) error { return nil }}
			switch row[2] {
			case "":
			case "Nothing":
				hook.Uses = lastly.Nothing
			default:
				hook.Uses = strings.Split(row[2], ", ")
			}
			scope.Register(hook)
		}
		for i, hook := range scope.Report().Hooks {
			row := table[i]
			got := []string{strconv.Itoa(hook.ID), ids(hook.WaitsFor), ids(hook.Beside)}
			want := []string{row[0], row[4], row[5]}
			if !slices.Equal(got, want) || hook.Last != (row[3] != "") {
				t.Errorf("table %d, hook %s: #, after, beside are %q and Last is %t, want %q and %q", k+1, row[1], got, hook.Last, want, row[3])
			}
		}
	}
}

func ids(is []int) string {
	var texts []string
	for _, i := range is {
		texts = append(texts, strconv.Itoa(i))
	}
	return strings.Join(texts, ", ")
}

// TestTimePage closes a scope with the hooks of each table in docs/time.md under a fake clock and compares the report.
func TestTimePage(t *testing.T) {
	for k, table := range tables(t, "docs/time.md", "| hook | Timeout | does | starts | takes | outcome |") {
		synctest.Test(t, func(t *testing.T) {
			var scope lastly.Scope
			never := make(chan struct{})
			children := make(map[string]*lastly.Scope)
			for _, row := range table {
				in, name := &scope, row[0]
				if held, ok := strings.CutSuffix(name, " (hold)"); ok {
					_, err := scope.Hold(held)
					fatal(t, err)
					continue
				}
				if child, rest, ok := strings.Cut(name, "/"); ok {
					if children[child] == nil {
						children[child] = scope.Child(lastly.Hook{Name: child})
					}
					in, name = children[child], rest
				}
				timeout, err := time.ParseDuration(cmp.Or(row[1], "0s"))
				fatal(t, err)
				in.Register(lastly.Hook{Name: name, Timeout: timeout, Run: behaviour(t, row[2], never)})
			}
			_ = scope.Close()
			var got [][]string
			add := func(prefix string, offset time.Duration, hooks []lastly.HookReport) {
				for _, h := range hooks {
					name := prefix + h.Name
					if h.Kind == "hold" {
						name += " (hold)"
					}
					if h.Scope == nil {
						got = append(got, []string{name, (offset + h.Start).String(), h.Duration.String(), string(h.Outcome)})
					}
				}
			}
			for _, h := range scope.Report().Hooks {
				if h.Scope != nil {
					add(h.Name+"/", h.Start, h.Scope.Hooks)
				} else {
					add("", 0, []lastly.HookReport{h})
				}
			}
			close(never)
			for i, row := range table {
				if want := []string{row[0], row[3], row[4], row[5]}; !slices.Equal(got[i], want) {
					t.Errorf("table %d: got %q, the page says %q", k+1, got[i], want)
				}
			}
		})
	}
}

// behaviour is what the column "does" says.
func behaviour(t *testing.T, does string, never chan struct{}) func(context.Context) error {
	t.Helper()
	switch does {
	case "polite":
		return func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	case "deaf":
		return func(context.Context) error { <-never; return nil }
	}
	d, err := time.ParseDuration(does)
	fatal(t, err)
	return func(context.Context) error { <-time.After(d); return nil }
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
