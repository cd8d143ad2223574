package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/filelock"
)

type listing struct {
	Folder string
	Owners []cli.Owner
}

func list(t *testing.T) (l listing) {
	t.Helper()
	r := run(t, "list", "--json").check(0)
	if err := json.Unmarshal([]byte(r.out), &l); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return l
}

// TestList: owners alive and gone, every kind, and no secret.
func TestList(t *testing.T) {
	m := newMachine(t)
	if r := run(t, "list").check(0); r.out != "" || r.err != "" {
		t.Errorf("of nothing: %q, %q", r.out, r.err)
	}
	path := file(t)
	child := itoa(startSleep(t))
	p := m.owner("remove "+path, "exec exit 0", "http http://127.0.0.1:1/x?token=hidden", "kill "+child, "seat hidden")
	r := run(t, "list").check(0)
	r.has(r.out, "alive", "a remove: "+path, `run /bin/sh -c "exit 0"`, "DELETE http://127.0.0.1:1/x?token=...",
		"kill process "+child, "a seat").lacks(r.out, "hidden", "\x1b")
	l := list(t)
	r.has(r.out, l.Owners[0].Records[0].ID) // all of it, as `add` prints it
	if l.Folder != m.dir || len(l.Owners) != 1 {
		t.Fatalf("%+v", l)
	}
	o := l.Owners[0]
	if o.State != durable.Alive || o.Pid != p.Pid() || len(o.Records) != 5 || o.Records[0].What != path || !strings.HasPrefix(o.Records[0].ID, o.ID+"-") || o.Created.IsZero() ||
		!strings.Contains(o.Records[0].Site, "main_test.go:") {
		t.Errorf("%+v", o)
	}
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	r = run(t, "list").check(0)
	r.has(r.out, "gone")
	if got := list(t).Owners[0].State; got != durable.Orphan {
		t.Errorf("killed: %s", got)
	}
}

// TestListQuiet: listing holds no lock at any time, so that it is never in a guard's way.
func TestListQuiet(t *testing.T) {
	m := newMachine(t)
	m.dead("exec exit 0")
	paths, _ := filepath.Glob(filepath.Join(m.dir, "*.journal"))
	before := read(t, paths[0])
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				run(t, "list")
			}
		}
	}()
	for range 300 {
		f, err := os.OpenFile(paths[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, lock := range []func(*os.File) (bool, error){filelock.TrySettle, filelock.TryLock} {
			if ok, err := lock(f); !ok || err != nil {
				t.Errorf("a lock is held: %v", err)
			}
		}
		_ = f.Close()
	}
	close(stop)
	<-ended
	if read(t, paths[0]) != before {
		t.Error("the journal was changed")
	}
}

// TestListSettling: what somebody settles is shown so.
func TestListSettling(t *testing.T) {
	m := newMachine(t)
	m.dead("exec exit 0")
	paths, _ := filepath.Glob(filepath.Join(m.dir, "*.journal"))
	f, err := os.OpenFile(paths[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ok, err := filelock.TrySettle(f); !ok || err != nil {
		t.Fatal(err)
	}
	if got := list(t).Owners[0].State; got != durable.Settling {
		t.Errorf("state %s", got)
	}
}

// TestListStrange: what is no journal is shown, with the reason, and disturbs nothing.
func TestListStrange(t *testing.T) {
	m := newMachine(t)
	m.dead("exec exit 0")
	strange := filepath.Join(m.dir, "1-x.journal")
	if err := os.WriteFile(strange, []byte("no journal\x1b[31m"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, "list").check(0)
	r.has(r.out, "unusable", "gone").lacks(r.out, "\x1b")
	if len(list(t).Owners) != 2 {
		t.Error("one is missing")
	}
}

// TestFolderRefused: a folder that others can write to is named, with what to do.
func TestFolderRefused(t *testing.T) {
	m := newMachine(t)
	if err := os.Chmod(m.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"sweep"}, {"sweep", "--dry-run"}, {"watch"}, {"report"}} {
		r := run(t, args...).check(1)
		r.has(r.err, m.dir, "chmod 700")
	}
	r := run(t, "doctor").check(1)
	r.has(r.out, "bad", m.dir, "chmod 700")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startSleep starts a process, and returns its number.
func startSleep(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}
