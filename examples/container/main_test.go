package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) {
	os.Exit(testproc.Main(m, testproc.Victims{"container": func([]string) { main() }}))
}

// A stub stands for docker: it writes down what it was asked. With "hang" it never comes back from "run".
const stub = `#!/bin/sh
echo $$ >"${0%/*}/pid"
echo "$*" >>"${0%/*}/asked"
[ "$1 $6" != "run hang" ] || exec sleep 60
`

// run starts the program with the stub, and waits until the stub was asked to run the container.
func run(t *testing.T, words ...string) (p *testproc.Proc, dir string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		testproc.Skip(t, "guards and marks are Linux's", "container")
	}
	dir = t.TempDir()
	tool := filepath.Join(dir, "stub")
	if err := os.WriteFile(tool, []byte(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	p = testproc.Spec{
		Victim: "container", Args: append([]string{"-n", tool}, words...),
		Env: []string{"LASTLY_GUARD=", "LASTLY_DIR=" + filepath.Join(dir, "lastly")},
	}.Start(t)
	testproc.Poll(t, "the tool was asked", func() bool { return asked(dir)[0] != "" || p.Gone() })
	return p, dir
}

// asked is what the stub was asked so far, one line each.
func asked(dir string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, "asked"))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// removed waits for the guard, and checks that what was run is what was removed.
func removed(t *testing.T, dir, words string) {
	t.Helper()
	testproc.Poll(t, "nobody has anything to do", func() bool {
		left, err := filepath.Glob(filepath.Join(dir, "lastly", "*.*"))
		return err == nil && len(left) == 0
	})
	asked := asked(dir)
	name, ok := strings.CutSuffix(strings.TrimPrefix(asked[0], "run -d --name "), " "+words)
	if !ok || len(asked) < 2 {
		t.Fatalf("the tool was asked %q", asked)
	}
	for _, line := range asked[1:] {
		if line != "rm -f "+name {
			t.Errorf("the tool was asked %q, want %q", line, "rm -f "+name)
		}
	}
}

func TestKillMinus9(t *testing.T) {
	p, dir := run(t, "image")
	testproc.Poll(t, "the container runs", func() bool { return strings.Contains(p.Output(), " runs ") || p.Gone() })
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	removed(t, dir, "image")
}

// TestKillWhileStarting: the tool is still at it, and would make the container later.
func TestKillWhileStarting(t *testing.T) {
	p, dir := run(t, "image", "hang")
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	removed(t, dir, "image hang")
	if words, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "cmdline")); err == nil && len(words) > 0 {
		t.Errorf("the tool lives: %q", words)
	}
}

func TestInterrupt(t *testing.T) {
	p, dir := run(t, "image")
	testproc.Poll(t, "the container runs", func() bool { return strings.Contains(p.Output(), " runs ") || p.Gone() })
	p.Signal(os.Interrupt)
	p.Wait().Check(t, "signal interrupt")
	removed(t, dir, "image")
}
