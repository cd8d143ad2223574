package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

func TestMain(m *testing.M) {
	durable.Init() // a guard of this test binary ends here
	os.Exit(testproc.Main(m, testproc.Victims{"tempfolder": func([]string) { main() }}))
}

// start starts the program with a folder of journals of its own, and returns the folder that it works in.
func start(t *testing.T, env ...string) (p *testproc.Proc, journals, dir string) {
	t.Helper()
	temp := t.TempDir()
	journals = filepath.Join(t.TempDir(), "lastly")
	p = testproc.Spec{Victim: "tempfolder", Env: append(env, "LASTLY_DIR="+journals, "TMPDIR="+temp)}.Start(t)
	testproc.Poll(t, "the folder is made", func() bool {
		line, _, ok := strings.Cut(p.Output(), "\n")
		_, dir, _ = strings.Cut(line, " works in ")
		return ok || p.Gone()
	})
	if _, err := os.Stat(dir); err != nil || filepath.Dir(dir) != temp {
		t.Fatalf("it works in %q: %v\n%s%s", dir, err, p.Output(), p.Errors())
	}
	if err := os.WriteFile(filepath.Join(dir, "work"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p, journals, dir
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func nothingLeft(journals string) func() bool {
	return func() bool {
		left, err := filepath.Glob(filepath.Join(journals, "*.*"))
		return err == nil && len(left) == 0
	}
}

func TestKillMinus9(t *testing.T) {
	if runtime.GOOS != "linux" {
		testproc.Skip(t, "guards are Linux's", "tempfolder")
	}
	p, journals, dir := start(t, "LASTLY_GUARD=")
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	testproc.Poll(t, "the guard has removed the folder", func() bool { return gone(dir) })
	testproc.Poll(t, "the guard is done", nothingLeft(journals))
}

// TestNextStart is the same where no guard is.
func TestNextStart(t *testing.T) {
	if runtime.GOOS == "windows" {
		testproc.Skip(t, "nothing dies by a signal there", "tempfolder")
	}
	p, journals, dir := start(t, "LASTLY_GUARD=off")
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	if gone(dir) {
		t.Error("somebody has removed the folder, with LASTLY_GUARD=off")
	}
	next := testproc.Spec{Victim: "tempfolder", Env: []string{"LASTLY_GUARD=off", "LASTLY_DIR=" + journals, "TMPDIR=" + t.TempDir()}}.Start(t)
	testproc.Poll(t, "the next start has removed the folder", func() bool { return gone(dir) })
	testproc.Poll(t, "the next one is at work", func() bool { return strings.Contains(next.Output(), " works in ") })
	next.Signal(os.Interrupt)
	next.Wait().Check(t, "signal interrupt")
	testproc.Poll(t, "nothing is left", nothingLeft(journals))
}
