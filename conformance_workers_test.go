package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
)

// Cases of peers' test suites about workers. What runs them there is a pool of the language; here it is a few lines over
// Hold, as any program may have them.

// A pool runs jobs, each in its own goroutine, which the scope awaits.
type pool struct{ s *lastly.Scope }

// submit starts a job, or says why not.
func (p pool) submit(name string, job func()) error {
	release, err := p.s.Hold(name)
	if err != nil {
		return fmt.Errorf("submit %q: %w", name, err)
	}
	go func() {
		defer release()
		job()
	}()
	return nil
}

const submitted = 20 // jobs, when run returns

var _ = addVictims(testproc.Victims{
	"pool": func([]string) {
		hook("database")
		lastly.Main(func(context.Context) error {
			p := pool{lastly.Process()}
			returned := make(chan struct{})
			context.AfterFunc(lastly.Process().Context(), func() { close(returned) })
			for i := range submitted {
				if err := p.submit("job", func() { <-returned; say("job %d", i) }); err != nil {
					return err
				}
			}
			go func() { // nobody knows of it
				forever()
				say("untracked")
			}()
			return nil
		})
	},
})

// TestPoolFinishes is conformance 75: work that was submitted when run returns is finished before the first hook runs, and
// the process ends after both. A goroutine that nobody knows of is cut.
func TestPoolFinishes(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "pool").Wait()
	r.Check(t, "exit 0")
	lines := strings.Split(strings.TrimSpace(r.Out), "\n")
	if len(lines) != submitted+1 || lines[submitted] != "hook database" {
		t.Fatalf("got %q, want %d jobs and then the hook", lines, submitted)
	}
	for i := range submitted {
		r.CheckLines(t, fmt.Sprintf("job %d", i))
	}
	r.CheckNoLine(t, "untracked")
}

// TestPoolRefuses is conformance 76: who submits from a hook, or after the end, hears at once that it is too late.
func TestPoolRefuses(t *testing.T) {
	var s lastly.Scope
	p := pool{&s}
	var ran sync.WaitGroup
	ran.Add(1)
	if err := p.submit("before", ran.Done); err != nil {
		t.Fatal(err)
	}
	var late error
	s.Defer("hook", func(context.Context) error {
		late = p.submit("from a hook", func() { t.Error("it ran") })
		return nil
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	ran.Wait()
	if !errors.Is(late, lastly.ErrClosing) || !strings.Contains(late.Error(), `"from a hook"`) {
		t.Errorf("from a hook: %v, want ErrClosing", late)
	}
	if err := p.submit("after", func() { t.Error("it ran") }); !errors.Is(err, lastly.ErrClosed) {
		t.Errorf("after the end: %v, want ErrClosed", err)
	}
}

// TestConformanceNumbers: a test that docs/conformance.md names for a case of areas 11 and 12 (workers, files, servers)
// says so itself.
func TestConformanceNumbers(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\| (\d+) \|.*\| ([^|]+) \|$`)
	names := regexp.MustCompile(`\b(?:Test|Example)\w+`)
	tests := testSources(t)
	for _, found := range row.FindAllStringSubmatch(readFile(t, "docs/conformance.md"), -1) {
		number, err := strconv.Atoi(found[1])
		if err != nil || number < 75 {
			continue
		}
		for _, name := range names.FindAllString(found[2], -1) {
			if !slices.ContainsFunc(tests[name], func(text string) bool { return namesCase(text, number) }) {
				t.Errorf("docs/conformance.md has %s for case %d, but no test of that name says `conformance %[2]d`", name, number)
			}
		}
	}
}

// testSources are the tests of all modules, by name: several packages may have one of the same name.
func testSources(t *testing.T) map[string][]string {
	t.Helper()
	r := house(t)
	tests := make(map[string][]string)
	for _, file := range r.goFiles() {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		text := readFile(t, file)
		for _, decl := range r.parsed[file].Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			from := f.Pos()
			if f.Doc != nil {
				from = f.Doc.Pos()
			}
			start, end := r.fset.Position(from).Offset, r.fset.Position(f.End()).Offset
			tests[f.Name.Name] = append(tests[f.Name.Name], text[start:end])
		}
	}
	return tests
}

// namesCase reports whether a test's comment has the number after the word "conformance", by itself or in "82 to 84".
func namesCase(text string, number int) bool {
	_, text, ok := strings.Cut(strings.ToLower(text), "conformance")
	if !ok {
		return false
	}
	text, _, _ = strings.Cut(text, "\nfunc ") // what follows is code
	between := regexp.MustCompile(`(\d+) to (\d+)`).FindStringSubmatch(text)
	if between != nil {
		low, _ := strconv.Atoi(between[1])
		high, _ := strconv.Atoi(between[2])
		if low <= number && number <= high {
			return true
		}
	}
	return regexp.MustCompile(`\b` + strconv.Itoa(number) + `(\D|$)`).MatchString(text)
}
