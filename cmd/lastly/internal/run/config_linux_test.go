package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestConfigPage runs the example of docs/config.md, with a docker that only says what it was asked for.
func TestConfigPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "config.md"))
	fatal(t, err)
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(example, "```\n")
	if !found {
		t.Fatal("docs/config.md has no example")
	}
	const (
		rest   = "rm -f web-1234\nnetwork rm test-1234\n"
		failed = "logs web-1234\n" + rest
	)
	for _, c := range []struct {
		command string
		status  int
		asked   string
	}{
		{"touch build.lock", 0, rest},
		{"touch build.lock; exit 3", 3, failed},
		{"touch build.lock; kill -KILL $$", 128 + 9, failed},
	} {
		l := preparePage(t, example, c.command)
		l.begin().ends(c.status, "")
		if got := l.read("asked"); got != c.asked || l.read("build.lock") != "" {
			t.Errorf("%s: docker was asked for %q, want %q", c.command, got, c.asked)
		}
	}
	l := preparePage(t, example, "echo ready >ready; exec sleep 1000")
	l.begin().await("ready")
	fatal(t, l.cmd.Process.Kill())
	_ = l.status()
	testproc.Poll(t, "the hooks after SIGKILL", func() bool { return l.read("asked") == failed })
}

func preparePage(t *testing.T, example, command string) *lastly {
	t.Helper()
	l := prepare(t, "--config", "deploy.yaml", "--", "sh", "-c", command)
	fatal(t, os.WriteFile(l.path("deploy.yaml"), []byte(example), 0o600))
	l.program("docker", []byte("#!/bin/sh\necho \"$@\" >>"+l.path("asked")+"\n"), 0o700)
	l.cmd.Env = append(l.cmd.Env, "PATH="+l.dir+string(os.PathListSeparator)+os.Getenv("PATH"), "LASTLY_DIR="+l.path("journals"))
	return l
}

// TestConfigTime: a hook has the time that the file gives it also in a guard, which has 10 s if nobody says otherwise.
func TestConfigTime(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--config", "slow.yaml", "--", "sh", "-c", "echo ready >ready; exec sleep 1000")
	fatal(t, os.WriteFile(l.path("slow.yaml"), []byte("hooks:\n  - {argv: [sh, -c, sleep 11; echo undone >undone], timeout: 20s}\n"), 0o600))
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("journals"))
	l.begin().await("ready")
	fatal(t, l.cmd.Process.Kill())
	_ = l.status()
	l.await("undone")
}
