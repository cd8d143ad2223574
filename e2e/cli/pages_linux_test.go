package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

// A snippet is a command line of a page that is run: a block that begins with "```sh run". What follows on that line are the
// programs that it needs besides the usual ones, or "root". A block "```text" right after it is what it writes, stdout and stderr.
type snippet struct {
	where  string // page:line
	needs  []string
	script string
	writes string
	silent bool // there is no block that says what it writes
}

var fence = regexp.MustCompile("(?ms)^```sh run([^\n]*)\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?")

// snippets are those of a page.
func snippets(t *testing.T, file string) (all []snippet) {
	t.Helper()
	page := readPage(t, file)
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		part := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return page[at[2*n]:at[2*n+1]]
		}
		line := 1 + strings.Count(page[:at[0]], "\n")
		all = append(all, snippet{filepath.Base(file) + ":" + strconv.Itoa(line), strings.Fields(part(1)), part(2), part(3), at[6] < 0})
	}
	return all
}

func readPage(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packageOf is the Debian package of a program.
func packageOf(program string) string {
	switch program {
	case "setpriv", "unshare", "setsid":
		return "util-linux"
	case "timeout":
		return "coreutils"
	}
	return program
}

// TestPages runs the command lines of all pages, and compares what they write. They must end with status 0 and leave no process.
func TestPages(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../docs/*.md")
	for _, file := range append(files, "../../README.md", "../../packaging/README.md") {
		all := snippets(t, file)
		if len(all) == 0 && strings.HasPrefix(filepath.Base(file), "coming-from-") {
			t.Errorf("%s has no block that begins with ```sh run", file)
		}
		for _, s := range all {
			t.Run(s.where, func(t *testing.T) {
				t.Parallel()
				s.run(t)
			})
		}
	}
}

func (s snippet) run(t *testing.T) {
	for _, name := range s.needs {
		if name == "root" {
			if os.Geteuid() != 0 {
				t.Skip("it needs root")
			}
			continue
		}
		real.Need(t, name, packageOf(name))
	}
	r := newRig(t, nil)
	path := "PATH=" + filepath.Dir(lastly(t)) + string(os.PathListSeparator) + os.Getenv("PATH")
	res := r.start([]string{"sh", "-eu", "-c", "exec 2>&1\n" + s.script}, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, path) }).wait()
	if res.code != 0 || !s.silent && res.out != s.writes {
		t.Errorf("%s\n%s%v, want status 0 and:\n%s", s.where, s.script, res, s.writes)
	}
	r.nothingLeft()
}

// TestPagesNameFlags wants a page for those who come from a program to name each of its flags, as its own help lists them.
func TestPagesNameFlags(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`(?m)^ {2,}(-\w)?(?:, )?(--[a-z][a-z-]*)?`)
	variable := regexp.MustCompile(`\b(TINI|DUMB_INIT)_[A-Z_]+\b`)
	for program, help := range map[string]string{"tini": "-h", "dumb-init": "--help", "timeout": "--help"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, []string{real.Need(t, program, packageOf(program))})
			res := r.run(help)
			page := readPage(t, "../../docs/coming-from-"+program+".md")
			names := variable.FindAllString(res.out+res.err, -1)
			for _, found := range flag.FindAllStringSubmatch(res.out+res.err, -1) {
				names = append(names, found[1], found[2])
			}
			known := 0
			for _, name := range names {
				if name == "" {
					continue
				}
				known++
				if !regexp.MustCompile("`[^`\n]*" + regexp.QuoteMeta(name) + `\b`).MatchString(page) {
					t.Errorf("docs/coming-from-%s.md says nothing of %s", program, name)
				}
			}
			if known < 4 {
				t.Errorf("%s %s lists %d flags: %v", program, help, known, res)
			}
		})
	}
}

// TestRunPage wants docs/run.md to have what the help lists: flags, exit statuses and variables.
func TestRunPage(t *testing.T) {
	t.Parallel()
	page := readPage(t, "../../docs/run.md")
	r := newRig(t, []string{lastly(t)})
	help := r.run("help", "run").out
	for _, name := range regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`).FindAllStringSubmatch(help, -1) {
		if !strings.Contains(page, "\n| `"+name[1]) {
			t.Errorf("docs/run.md has no row for %s", name[1])
		}
	}
	for _, status := range regexp.MustCompile(`(?m)^  (12\d) `).FindAllStringSubmatch(help, -1) {
		if !strings.Contains(page, "\n| "+status[1]+" |") {
			t.Errorf("docs/run.md has no row for the exit status %s", status[1])
		}
	}
	for _, name := range regexp.MustCompile(`\b(LASTLY_[A-Z]+|NO_COLOR|XDG_STATE_HOME|STATE_DIRECTORY)\b`).FindAllString(help+r.run("help").out, -1) {
		if !strings.Contains(page, "\n| `"+name) {
			t.Errorf("docs/run.md has no row for the variable %s", name)
		}
	}
}

// TestPagesPrograms runs the Go programs of the pages for those who come from something else, and compares what they write with the
// block after them.
func TestPagesPrograms(t *testing.T) {
	t.Parallel()
	program := regexp.MustCompile("(?ms)^```go\n(package main\n.*?)^```\n\n```text\n(.*?)^```$")
	files, _ := filepath.Glob("../../docs/coming-from-*.md")
	count := 0
	for _, file := range files {
		for _, found := range program.FindAllStringSubmatch(readPage(t, file), -1) {
			count++
			main := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(main, []byte(found[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("go", "run", main) // in this folder, whose module has the libraries
			cmd.Env = append(os.Environ(), "LASTLY_DIR="+t.TempDir())
			if text, _ := cmd.CombinedOutput(); string(text) != found[2] {
				t.Errorf("%s: the program\n%s\nwrites:\n%s\nwant:\n%s", file, found[1], text, found[2])
			}
		}
	}
	if count == 0 {
		t.Error("no page has a Go program with a block ```text after it")
	}
}
