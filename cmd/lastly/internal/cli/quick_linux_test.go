package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestQuick: the plainest forms are carried out without the command library, and mean the same; all others go there.
func TestQuick(t *testing.T) {
	m := newMachine(t)
	end := m.inside()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "sub"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add := func(words ...string) string {
		t.Helper()
		p := testproc.Spec{
			Victim: "slow", Args: append([]string{"add"}, words...), Env: []string{"FOLDER=" + dir}, Wrap: []string{"/bin/sh", "-c", `cd "$FOLDER" && exec "$0" "$@"`},
		}.Start(t)
		p.Wait().Check(t, "exit 0")
		return strings.TrimSpace(p.Output())
	}
	for _, words := range [][]string{
		{"remove", filepath.Join(dir, "a")},
		{"remove", "--name", "bee", "./x/../b"},
		{"exec", "--name=x \"y\" \\", "--", "sh", "-c", "echo \"$0\" > made", `a "b" \d`},
		{"exec", "sh", "-c", "test ! -e made", "--", "--name"},
		{"kill", itoa(startSleep(t)), "--name", "sleep"},
	} {
		id := add(words...)
		if owner, _, ok := strings.Cut(id, "-"); !ok || len(owner) != 32 {
			t.Errorf("add %q: %q", words, id)
		}
	}
	for _, words := range [][]string{
		{"remove", "a", "--timeout", "3s"},
		{"remove", "--uses", "x", "a"},
		{"remove", "--help"},
		{"remove", "é"},
		{"remove", "a", "b"},
		{"remove", ""},
		{"exec", "--dir", "/", "ls"},
		{"exec", "no-such-program"},
		{"exec", "./sub"},
		{"kill", "x"},
		{"kill", "-1"},
		{"http", "GET", "http://x"},
		{"remove", "/"}, // refused, so that the command proper says why
	} {
		if got := add(words...); !strings.HasPrefix(got, "slow: ") {
			t.Errorf("add %q: %q, want it to be left to the command proper", words, got)
		}
	}
	r := run(t, "list").check(0)
	r.has(r.out, "bee: "+filepath.Join(dir, "b"), `x "y" \: run `)
	end()
	if !gone(filepath.Join(dir, "a")) || !gone(filepath.Join(dir, "b")) || gone(filepath.Join(dir, "sub")) {
		t.Error("the files are left, or another is gone")
	}
	if got := read(t, filepath.Join(dir, "made")); got != `a "b" \d`+"\n" {
		t.Errorf("the command wrote %q", got)
	}
}
