package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
)

// TestAdd: each kind, undone when the run ends.
func TestAdd(t *testing.T) {
	m := newMachine(t)
	t.Setenv("TOKEN", "abc")
	end := m.inside()
	path := file(t)
	t.Chdir(filepath.Dir(path))
	deleted := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		deleted <- r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Why") + " " + r.Header.Get("Authorization")
	}))
	defer server.Close()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(run(t, "add", "remove", filepath.Base(path)).check(0).out)
	if owner, n, ok := strings.Cut(id, "-"); !ok || len(owner) != 32 || n == "" {
		t.Errorf("the id is %q", id)
	}
	run(t, "add", "kill", itoa(cmd.Process.Pid), "--grace", "1s").check(0)
	run(t, "add", "exec", "--env", "TOKEN", "--", "sh", "-c", "echo $TOKEN > made; pwd >> made").check(0)
	run(t, "add", "http", "delete", server.URL+"/lease", "--header", "X-Why: done", "--header-env", "Authorization=TOKEN").check(0)
	end()
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	if got := <-deleted; got != "DELETE /lease done abc" {
		t.Errorf("the request is %q", got)
	}
	if got := read(t, "made"); got != "abc\n"+filepath.Dir(path)+"\n" || !gone(path) {
		t.Errorf("the command wrote %q, or the file is left", got)
	}
}

// TestAddFlags: names, uses, last and timeouts get to the run.
func TestAddFlags(t *testing.T) {
	m := newMachine(t)
	defer m.inside()()
	run(t, "add", "remove", file(t), "--name", "x", "--uses", "y,z", "--timeout", "3").check(0)
	run(t, "add", "--uses-nothing", "--last", "remove", file(t), "--name", "w").check(0)
	found := 0
	for _, r := range list(t).Owners[0].Records {
		switch {
		case r.Name == "x" && slices.Equal(r.Uses, []string{"y", "z"}) && r.Timeout == 3*time.Second,
			r.Name == "w" && slices.Equal(r.Uses, lastly.Nothing) && r.Last:
			found++
		}
	}
	if found != 2 {
		t.Errorf("%+v", list(t))
	}
}

// TestEnd: cancel and settle, by id and name; --owner from outside.
func TestEnd(t *testing.T) {
	m := newMachine(t)
	end := m.inside()
	kept, removed := file(t), file(t)
	id := strings.TrimSpace(run(t, "add", "remove", kept).check(0).out)
	if got := strings.TrimSpace(run(t, "cancel", id).check(0).out); got != id {
		t.Errorf("cancel printed %q", got)
	}
	t.Setenv("LASTLY_RUN", "")
	owner := id[:8]
	run(t, "add", "--owner", owner, "remove", removed, "--name", "it").check(0)
	run(t, "settle", "it", "--owner", itoa(list(t).Owners[0].Pid)).check(0)
	if !gone(removed) {
		t.Error("settle left it")
	}
	r := run(t, "settle", "it", "--owner", owner).check(3)
	r.has(r.err, "lastly list")
	r = run(t, "list").check(0)
	r.has(r.out, "a run")
	end()
	if gone(kept) {
		t.Error("what was cancelled is gone")
	}
}

// TestSettleFails: the error is told, and makes code 1.
func TestSettleFails(t *testing.T) {
	m := newMachine(t)
	end := m.inside()
	run(t, "add", "exec", "--name", "bad", "--", "sh", "-c", "exit 3").check(0)
	r := run(t, "settle", "bad").check(1)
	r.has(r.err, "exit status 3")
	end()
	r = run(t, "list").check(0)
	r.has(r.out, "bad", "gone")
}

// TestOutside: every error has its code, and says what to do.
func TestOutside(t *testing.T) {
	m := newMachine(t)
	p := m.owner("exec exit 0")
	dead := filepath.Join(m.dir, "nobody.sock")
	for _, test := range []struct {
		args, env string
		code      int
		says      string
	}{
		{"add remove x", "", 3, "lastly run -- CMD"},
		{"add remove x", dead, 3, "lastly sweep"},
		{"cancel x", "", 3, "lastly run -- CMD"},
		{"add remove x --owner " + itoa(p.Pid()), "", 3, "lastly list"},
		{"add remove x --owner 0123abcd", "", 3, "lastly list"},
		{"add remove x --owner " + list(t).Owners[0].ID, "", 3, "is no run"},
		{"add", "", 2, "lastly add --help"},
		{"add what x", "", 2, "remove, kill, exec and http"},
		{"add remove", "", 2, "--help"},
		{"add kill x", "", 2, "$!"},
		{"add kill 0", "", 2, "$!"},
		{"add exec", "", 2, "--"},
		{"add exec -- no-such-program-at-all", "", 1, "whole path"},
		{"add http GET", "", 2, "METHOD URL"},
		{"add http GET http://x --header x", "", 2, "Name: value"},
		{"add remove x --timeout -1s", "", 2, "negative"},
		{"add kill 1 --grace soon", "", 2, "a number of seconds"},
		{"add remove x --uses a --uses-nothing", "", 2, "leave one out"},
		{"add remove x --nix", "", 2, "--help"},
		{"cancel", "", 2, "--help"},
		{"retry", "", 2, "lastly list"},
		{"retry --all x", "", 2, "leave one out"},
		{"forget", "", 2, "lastly list"},
		{"nix", "", 2, "--help"},
		{"list nix", "", 2, "--help"},
		{"sweep --limit -1s", "", 2, "negative"},
		{"sweep --expire 40000d", "", 2, "30 years"},
		{"help nix", "", 2, "lastly --help"},
		{"help add nix", "", 2, "lastly --help"},
		{"completion nix", "", 2, "lastly --help"},
		{"report nix.json", "", 3, "lastly report --list"},
		{"report", "", 3, "FILE"},
		{"report a b", "", 2, "--help"},
		{"report .", "", 1, "name a file"},
		{"watch --every 1ms", "", 2, "10ms"},
		{"man", "", 2, "DIR"},
	} {
		t.Setenv("LASTLY_RUN", test.env)
		r := run(t, strings.Fields(test.args)...).check(test.code)
		r.has(r.err, "lastly: ", test.says)
		if r.out != "" || strings.Count(r.err, "lastly: ") != 1 {
			t.Errorf("lastly %s: stdout %q, stderr %q", test.args, r.out, r.err)
		}
	}
}
