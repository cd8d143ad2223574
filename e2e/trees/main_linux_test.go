package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/e2e/internal/real"
	"github.com/lastly-go/lastly/internal/testproc"
)

var victims = testproc.Victims{
	"trees": func(args []string) { os.Exit(command(args, os.Stdout, os.Stderr)) },
}

// TestMain makes the test binary a guard, lastly's row, the loop's, or the whole command.
func TestMain(m *testing.M) {
	durable.Init()
	becomeRole()
	others := os.Getenv(folderVariable)
	os.Exit(testproc.OwnFolder(func() int {
		defer func() {
			if dir := os.Getenv(folderVariable); dir != others {
				_ = os.RemoveAll(dir)
			}
		}()
		return testproc.Main(m, victims)
	}))
}

// folderVariable is where the command lastly is that the tests build. Processes that they start build none.
const folderVariable = "LASTLY_TREES_FOLDER"

var built = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "lastly-trees-")
	if err != nil {
		return err
	}
	return errors.Join(os.Setenv(folderVariable, dir), buildIn(dir))
})

func TestFlags(t *testing.T) {
	t.Parallel()
	if code := command([]string{"-help"}, io.Discard, io.Discard); code != 0 {
		t.Errorf("-help: exit code %d, want 0", code)
	}
	for _, args := range [][]string{{"-n", "0"}, {"-rounds", "-1"}, {"-only", "no such tool"}, {"-nonsense"}, {"argument"}} {
		if code := command(args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	real.Need(t, "bash", "bash")
	if err := built(); err != nil {
		t.Fatal(err)
	}
	v := testproc.Start(t, "trees", "-json", "-n", "1", "-rounds", "1", "-only", nameGuarded)
	r := v.Wait()
	r.Check(t, "exit 0")
	var got table
	if err := json.Unmarshal([]byte(v.Output()), &got); err != nil || len(got.Rows) != 1 || !slices.Equal(got.Rows[0].Left, []int{0, 0, 0, 0}) || len(got.Faults) != 2 {
		t.Fatalf("got %+v, %v\n%s\n%s", got, err, v.Output(), v.Errors())
	}
	if got.NotTimed == "" && (len(got.Endings) != 2 || got.Endings[0].Took[0] <= 0) {
		t.Errorf("endings: %+v, want that of a namespace, and one", got.Endings)
	}
}

// TestWaysOf: the tools' ways stand behind that which they are compared with.
func TestWaysOf(t *testing.T) {
	for part, want := range map[string]int{"": len(ways()), "tini": 0, nameLastly: 1 + 3, nameRun: 1 + 5, nameGuarded: 1 + 1} {
		if got := waysOf(toolsNamed(part)); len(got) != want || want > 0 && got[0].name != ways()[0].name {
			t.Errorf("%q: %v, want %d", part, got, want)
		}
	}
}

// TestEarlyEnd ends the command in the midst of its work, while processes live that ignore SIGTERM: nothing is left of them, of
// tools, guards and supervisors, and of files.
func TestEarlyEnd(t *testing.T) {
	t.Parallel()
	tini := real.Need(t, "tini", "tini")
	if err := built(); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{filepath.Base(tini) + " -s", nameLastly, nameGuarded} {
		for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			t.Run(tool+", "+end.String(), func(t *testing.T) {
				t.Parallel()
				temp, mark := t.TempDir(), "LASTLY_TREES_TEST="+durable.NewMark()
				t.Cleanup(func() { endAll(t, mark) })
				v := testproc.Spec{
					Victim: "trees", Args: []string{"-n", "10", "-rounds", "0", "-only", tool},
					Env: []string{"TMPDIR=" + temp, "LASTLY_DIR=" + t.TempDir(), mark},
				}.Start(t)
				testproc.Poll(t, "a tree to grow", func() bool { return len(bearing(mark, "sleep")) > 2*10 }) // also who ignores SIGTERM
				v.Signal(end)
				if v.Wait(); end == syscall.SIGTERM && len(bearing(mark, "sleep")) > 0 {
					t.Errorf("processes live on after its orderly end:\n%s", v.Errors())
				}
				testproc.Poll(t, "everything to end", func() bool { return len(bearing(mark, "")) == 0 })
				if files, err := os.ReadDir(temp); err != nil || len(files) > 0 {
					t.Errorf("left in TMPDIR: %v, %v", files, err)
				}
			})
		}
	}
}

// endAll ends what a failed test has left.
func endAll(t *testing.T, variable string) {
	for _, pid := range bearing(variable, "") {
		t.Errorf("process %d is left", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL) // its number was its own a moment ago
	}
}

// bearing are the processes that have the variable in their environment, and the name, if that is not "".
func bearing(variable, name string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range all {
		folder := filepath.Dir(file)
		env, _ := os.ReadFile(file)
		comm, _ := os.ReadFile(filepath.Join(folder, "comm"))
		if bytes.Contains(env, []byte(variable+"\x00")) && (name == "" || string(comm) == name+"\n") {
			pid, _ := strconv.Atoi(filepath.Base(folder)) // that is what the pattern is
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestPage wants docs/trees.md to have the tables as they are printed now, at full size, with lastly's zeros; and the manual and
// the page to have every flag.
func TestPage(t *testing.T) {
	page := read(t, "../../docs/trees.md")
	var b strings.Builder
	empty := table{Processes: 200*len(kinds) + 1, Faults: make([]fault, 1), Endings: []ending{{Way: "a", Took: make([]time.Duration, 1)}}}
	if err := empty.markdown(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "| tool ") || strings.HasPrefix(line, "| lastly's") || strings.HasPrefix(line, "| a tree ") {
			if !strings.Contains(page, "\n"+line) {
				t.Errorf("docs/trees.md does not have the header %s", line)
			}
		}
	}
	for _, tool := range tools() {
		want := "\n| " + tool.name + " | "
		if tool.clean {
			want += "0 | 0 | 0 | 0 |\n"
		}
		if !strings.Contains(page, want) {
			t.Errorf("docs/trees.md does not have the row %q", want)
		}
	}
	for _, w := range ways() {
		if !strings.Contains(page, "\n| "+w.name+" | ") {
			t.Errorf("docs/trees.md does not have the row %q", w.name)
		}
	}
	for _, m := range mishaps() {
		want := "\n| " + m.String() + " | "
		if m.promised {
			want += "0 | "
		}
		if !strings.Contains(page, want) {
			t.Errorf("docs/trees.md does not have the double fault %q", want)
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
