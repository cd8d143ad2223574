package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
	runpkg "github.com/lastly-go/lastly/cmd/lastly/internal/run"
)

// commands are all there are.
var commands = []string{
	"add", "add remove", "add kill", "add exec", "add http", "cancel", "settle", "list", "sweep", "retry", "forget", "watch", "report", "doctor",
	"completion", "man", "schema", "version", "run",
}

// TestHelp: every command has a help on stdout, with its usage, examples and the exit codes.
func TestHelp(t *testing.T) {
	for _, name := range commands {
		words := strings.Fields(name)
		if name != "run" { // whose --help is package run's
			r := run(t, append(words, "--help")...).check(0)
			r.has(r.out, "lastly "+words[0], "\nExit codes:\n  0 ", "\nExamples:\n  ")
		} else if r := run(t, "help", "run").check(0); r.out != runpkg.Help {
			t.Errorf("lastly help run: %q, want package run's text and nothing else", r.out)
		}
		r := run(t, append([]string{"help"}, words...)...).check(0)
		r.has(r.out, "Usage:", "\nExamples:\n  ", "\nExit ")
	}
	r := run(t, "--help").check(0)
	r.has(r.out, "Exit codes:", "LASTLY_DIR", "NO_COLOR")
	for _, name := range commands {
		if !strings.Contains(name, " ") {
			r.has(r.out, "\n  "+name+" ")
		}
	}
	r = run(t).check(2)
	r.has(r.err, "Usage:")
	if r.out != "" {
		t.Errorf("without a command stdout has %q", r.out)
	}
}

// TestSuggestion: a word that is nearly a command is told.
func TestSuggestion(t *testing.T) {
	r := run(t, "swep").check(2)
	r.has(r.err, `unknown command "swep" for "lastly"; did you mean sweep; `)
}

// TestMan: a page for each command, without what roff would misread.
func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	run(t, "man", dir).check(0)
	for _, name := range commands {
		if name == "completion" {
			continue
		}
		page := read(t, filepath.Join(dir, "lastly-"+strings.ReplaceAll(name, " ", "-")+".1"))
		for line := range strings.Lines(page) {
			if macro := strings.Fields(line); strings.HasPrefix(line, ".") && !strings.Contains(".TH .SH .B .BR .TP .nf .fi", macro[0]) {
				t.Errorf("lastly %s: line %q", name, line)
			}
		}
		if !strings.HasPrefix(page, ".TH ") || !strings.Contains(page, ".SH SYNOPSIS") {
			t.Errorf("lastly %s: %q", name, page)
		}
	}
}

// TestCompletion: for each shell, and for what is being typed.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := run(t, "completion", shell).check(0)
		r.has(r.out, "lastly")
	}
	r := run(t, "__complete", "sw").check(0)
	r.has(r.out, "sweep\t")
	r = run(t, "__complete", "add", "k").check(0)
	r.has(r.out, "kill\t")
	r = run(t, "__complete", "run", "--gr").check(0)
	r.has(r.out, "--grace")
}

// TestVersion names the toolchain at least.
func TestVersion(t *testing.T) {
	for _, word := range []string{"version", "--version", "-V"} {
		r := run(t, word).check(0)
		r.has(r.out, "lastly ", "go1.")
	}
}

// A wall is a writer that fails.
type wall struct{ err error }

func (w wall) Write([]byte) (int, error) { return 0, w.err }

// TestFull: what could not be written is an error; what nobody reads any more is none.
func TestFull(t *testing.T) {
	for err, code := range map[error]int{syscall.ENOSPC: 1, syscall.EPIPE: 0} {
		var errs strings.Builder
		got := cli.Main([]string{"version"}, strings.NewReader(""), wall{&os.PathError{Op: "write", Path: "stdout", Err: err}}, &errs)
		if got != code || (errs.Len() > 0) != (code != 0) {
			t.Errorf("%v: code %d, stderr %q", err, got, errs.String())
		}
		if code != 0 && !strings.Contains(errs.String(), "make room") {
			t.Errorf("%v: stderr %q", err, errs.String())
		}
	}
}
