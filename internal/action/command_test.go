//go:build unix

package action

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

func run(t *testing.T, ctx context.Context, c Command) error {
	t.Helper()
	captured, err := c.Capture()
	if err != nil {
		t.Fatal(err)
	}
	return captured.Do(ctx)
}

func sh(script string, args ...string) Command {
	return Command{Args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

// what returns a file's content.
func what(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := sh(`pwd > out; cat >> out && echo "nothing on stdin" >> out; [ "$1" = "a b" ] && [ "$2" = '*' ] && [ -z "$3" ]`, "a b", "*", "")
	c.Dir = dir
	if err := run(t, t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := what(t, filepath.Join(dir, "out")); got != dir+"\nnothing on stdin\n" {
		t.Errorf("wrote %q", got)
	}
	checkError(t, run(t, t.Context(), sh("exit 3")), "exit status 3", "run /", "sh -c")
	checkError(t, run(t, t.Context(), sh("kill -9 $$")), "signal: killed")
	checkError(t, run(t, t.Context(), sh("echo first >&2; echo; printf 'last\twords\n\n' >&2; exit 1")), `; the end of its stderr: "last\twords"`)
}

func TestCommandEnvironment(t *testing.T) {
	t.Setenv("LASTLY_TEST_A", "a a")
	t.Setenv("LASTLY_TEST_EMPTY", "")
	t.Setenv("LASTLY_TEST_NOT_NAMED", "x")
	t.Setenv("HOME", "/home/of/tests")
	c := sh(`env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort > out`)
	c.Dir = t.TempDir()
	c.Env = []string{"LASTLY_TEST_A", "LASTLY_TEST_EMPTY"}
	c.Files = map[string]string{"FROM_FILE": write(t, "secret", "word\n")}
	if err := run(t, t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := "FROM_FILE=word\nHOME=/home/of/tests\nLASTLY_TEST_A=a a\nLASTLY_TEST_EMPTY=\nPATH=" + os.Getenv("PATH") + "\n"
	if got := what(t, filepath.Join(c.Dir, "out")); got != want {
		t.Errorf("the environment was\n%swant\n%s", got, want)
	}
	c.Env = append(c.Env, "LASTLY_TEST_NOT_SET")
	checkError(t, run(t, t.Context(), c), "LASTLY_TEST_NOT_SET is not set")
	c.Env, c.Files = nil, map[string]string{"FROM_FILE": "none"}
	checkError(t, run(t, t.Context(), c), "FROM_FILE", "none", "no such file")
}

// TestCommandEnds: with its whole process group, at the end of the context.
func TestCommandEnds(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	alive := filepath.Join(t.TempDir(), "alive")
	c, err := sh(`trap "" TERM; echo waits >&2; (sleep 1000; echo late) & echo $$ $! > "$1"; wait`, alive).Capture()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Do(ctx) }() // ends with the context
	testproc.Poll(t, "the command to wait", func() bool {
		pids, _ := os.ReadFile(alive)
		return strings.HasSuffix(string(pids), "\n")
	})
	begun := time.Now()
	cancel(errWhy)
	if err = <-ended; !errors.Is(err, errWhy) {
		t.Errorf("error %v", err)
	}
	checkError(t, err, "killed (why)", `"waits"`)
	if took := time.Since(begun); took > testproc.Limit/2 {
		t.Errorf("took %v", took)
	}
	for _, pid := range strings.Fields(what(t, alive)) {
		testproc.Poll(t, "process "+pid+" to be gone", func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		})
	}
}

// TestCommandLeavesBackground: what it leaves running holds stderr open, and is not waited for.
func TestCommandLeavesBackground(t *testing.T) {
	t.Parallel()
	stop := filepath.Join(t.TempDir(), "stop")
	defer func() { _ = os.WriteFile(stop, nil, 0o600) }()
	if err := run(t, t.Context(), sh(`(until [ -e "$1" ] || ! [ -d "${1%/*}" ]; do sleep 0.01; done) &`, stop)); err != nil {
		t.Error(err)
	}
}

func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		c    Command
		want string
	}{
		"none":      {Command{}, "no program"},
		"empty":     {Command{Args: []string{""}}, "no program"},
		"not found": {Command{Args: []string{"lastly-test-no-such-program"}}, "not found"},
		"zero":      {Command{Args: []string{"sh", "\x00"}}, "zero byte"},
		"value":     {Command{Args: []string{"sh"}, Env: []string{"TOKEN=" + secretWord}}, "would be written to disk"},
		"no name":   {Command{Args: []string{"sh"}, Env: []string{""}}, "without a name"},
		"no file":   {Command{Args: []string{"sh"}, Files: map[string]string{"A": ""}}, "without a name"},
		"a file":    {Command{Args: []string{"sh"}, Files: map[string]string{"A=" + secretWord: "f"}}, "has a value"},
		"twice":     {Command{Args: []string{"sh"}, Env: []string{"A"}, Files: map[string]string{"A": "f"}}, "twice"},
		"no folder": {Command{Args: []string{"sh"}, Dir: "lastly-test-no-such-folder"}, "no such file"},
		"a folder":  {Command{Args: []string{"sh"}, Dir: "command_test.go"}, "no folder"},
	} {
		_, err := c.c.Capture()
		checkError(t, err, "command: ", c.want)
		checkHidden(t, name, err)
	}
	checkError(t, sh("true").Do(t.Context()), "not captured")
}

func TestCaptureCommand(t *testing.T) {
	t.Parallel()
	c := Command{Args: []string{"sh", "x"}, Files: map[string]string{"A": "f"}}
	captured, err := c.Capture()
	if err != nil {
		t.Fatal(err)
	}
	here, _ := os.Getwd()
	if !filepath.IsAbs(captured.Args[0]) || captured.Args[1] != "x" || captured.Dir != here || captured.Files["A"] != filepath.Join(here, "f") {
		t.Errorf("%+v", captured)
	}
	if c.Args[0] != "sh" || c.Files["A"] != "f" {
		t.Error("the original was changed")
	}
}

// TestCommandHides: what is secret is in no text, also when the command writes it.
func TestCommandHides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secret, script string }{
		"plain":     {secretWord, `echo "it is <$S>." >&2; exit 1`},
		"twice":     {secretWord, `echo "$S$S $S" >&2; exit 1`},
		"long line": {secretWord, `i=0; while [ $i -lt 1000 ]; do printf %s "$S" >&2; i=$((i+1)); done; exit 1`},
		"at an end": {secretWord, `printf %5000s%s%190s "" "$S" "" | tr ' ' x >&2; exit 1`},
		"long":      {strings.Repeat(secretWord, 300), `echo "$S" >&2; exit 1`},
		"cut":       {strings.Repeat(secretWord, 48), `i=0; while [ $i -lt 10 ]; do printf %s "$S" >&2; i=$((i+1)); done; exit 1`},
		"ends cut":  {strings.Repeat(secretWord, 48) + "x", `i=0; while [ $i -lt 4 ]; do printf %s "$S" >&2; i=$((i+1)); done; printf '\n%s and more words' "$S" >&2; exit 1`},
		"lines":     {secretWord + "\nhunter2", `echo "$S" >&2; exit 1`},
		"not UTF-8": {"\xff" + secretWord, `echo "$S" >&2; exit 1`},
		"stdout":    {secretWord, `echo "$S"; exit 1`},
		"killed":    {secretWord, `echo "$S" >&2; sleep 1000`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if name == "killed" {
				limit = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			command := sh(c.script)
			command.Files = map[string]string{"S": write(t, "secret", c.secret)}
			err := run(t, ctx, command)
			if err == nil {
				t.Error("no error")
			}
			checkHidden(t, "error", err)
			var log strings.Builder
			slog.New(slog.NewJSONHandler(&log, nil)).Info("command", "command", command, "err", err)
			checkHidden(t, "log", log.String())
		})
	}
}

func TestCommandString(t *testing.T) {
	t.Parallel()
	c := Command{Args: []string{"/bin/x", "rm", "-f", "a b", "", "é", "\n"}, Env: []string{"A"}, Dir: "/"}
	if got, want := c.String(), `run /bin/x rm -f "a b" "" é "\n"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	c.Args = append(c.Args, strings.Repeat("é", 300))
	if got := c.String(); len(got) > 210 || !strings.HasSuffix(got, "é...") {
		t.Errorf("%s", got)
	}
}
