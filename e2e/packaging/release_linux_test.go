package packaging

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

// TestRelease makes a release of a copy of this repository, and installs it as everybody does. Go makes a module of the tagged
// commit, so this is also the test that one can be made: that no file has a name that a module must not have.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds everything anew")
	}
	real.Need(t, "git", "git")
	const version, module = "v0.99.0", "github.com/lastly-go/lastly"
	repository := t.TempDir()
	copyRepository(t, repository)
	cache, bin := t.TempDir(), t.TempDir()
	env := append(os.Environ(), "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		// A version that does not exist must not get into the cache of who runs this test. What others wrote comes from there, where
		// its sums were checked, so that nothing of this needs the network.
		"GOMODCACHE="+cache, "GOFLAGS=-modcacherw", "GOPROXY="+modules(t), "GOSUMDB=off", "GOBIN="+bin, "CGO_ENABLED=0", "LASTLY_DIR="+t.TempDir())
	in := func(dir string) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) { cmd.Dir, cmd.Env = dir, env }
	}
	must(t, in(repository), "git", "init", "-q", "-b", "main")
	must(t, in(repository), "git", "add", "-A")
	must(t, in(repository), "git", "commit", "-q", "-m", "all")
	if status, text := run(t, in(repository), "bash", "packaging/release", version); status == 0 || !strings.Contains(text, "CHANGELOG.md") {
		t.Errorf("a release without a heading in CHANGELOG.md: exit status %d, %s", status, text)
	}
	changes := filepath.Join(repository, "CHANGELOG.md")
	write(t, changes, strings.Replace(read(t, changes), "## [Unreleased]\n", "## [Unreleased]\n\n## [0.99.0] - 2030-01-01\n", 1))
	must(t, in(repository), "git", "commit", "-q", "-a", "-m", "changelog")
	must(t, in(repository), "bash", "packaging/release", version)

	env = append(env, "GOPRIVATE="+module, "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.file://"+repository+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+module)
	for _, query := range []string{version, "latest"} {
		must(t, in(bin), "go", "install", module+"/cmd/lastly@"+query)
		if text := must(t, in(bin), filepath.Join(bin, "lastly"), "version"); !strings.HasPrefix(text, "lastly "+version+" ") {
			t.Errorf("%s: %s", query, text)
		}
	}
	if status, _ := run(t, in(bin), filepath.Join(bin, "lastly"), "run", "--", "sh", "-c", "exit 3"); status != 3 {
		t.Errorf("lastly run: exit status %d, want 3", status)
	}
	if text := must(t, in(repository), "git", "diff", "--stat", "HEAD~2"); strings.Count(text, "|") > 2 {
		t.Errorf("after a release there is more changed than go.mod and go.sum of cmd/lastly: %s", text)
	}
	wantText(t, read(t, filepath.Join(repository, "cmd/lastly/go.mod")), "replace "+module+" => ../../")
}

// modules is where modules of others come from: the cache, and what is not in it from where it usually comes.
func modules(t *testing.T) string {
	t.Helper()
	words := strings.Fields(must(t, nil, "go", "env", "GOMODCACHE", "GOPROXY"))
	return "file://" + words[0] + "/cache/download," + words[1]
}

// copyRepository copies the files of this repository as they are now.
func copyRepository(t *testing.T, into string) {
	t.Helper()
	const from = "../.."
	err := filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, file)
		switch {
		case err != nil:
			return err
		case rel == ".git" || rel == filepath.Join("packaging", "out"):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(into, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(into, rel), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
