package run_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

const nobody = 65534

// becomeRoot is what su and sudo do: a set-user-id program that is root's wholly. Then it waits to be told to end.
func becomeRoot(done string) {
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		_, _ = os.Stdout.WriteString("not root\n")
		return
	}
	_ = os.WriteFile(filepath.Join(filepath.Dir(done), "root"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	for {
		if _, err := os.Lstat(done); err == nil {
			return
		}
		testproc.Linger(20 * 1e6)
	}
}

// asNobody makes l's command an ordinary user's, in a folder of that user's with two copies of this program: an own one, and one that
// is set-user-id root.
func asNobody(t *testing.T, l *lastly) (own, root string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root can make a set-user-id program of root's")
	}
	for dir := l.dir; dir != filepath.Dir(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o005 != 0o005 {
			fatal(t, os.Chmod(dir, 0o755))
		}
	}
	fatal(t, os.Chown(l.dir, nobody, nobody))
	self, err := os.ReadFile(l.cmd.Path)
	fatal(t, err)
	own = l.program("own", self, 0o755)
	root = l.program("root-s", self, 0o755|os.ModeSetuid)
	l.cmd.Path, l.cmd.Args[0] = own, own
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("journals"))
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return own, root
}

// TestAnothersProcess: what lastly may not end, it names, and does not wait for.
func TestAnothersProcess(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--grace", "0.2", "--", "sh", "-c", `exec >out 2>&1; ./root-s become-root "$PWD/done" & while [ ! -e root ] && [ ! -s out ]; do sleep 0.02; done; exit 3`)...)
		asNobody(t, l)
		l.begin()
		status := l.status()
		if strings.Contains(l.read("out"), "not root") {
			testproc.Skip(t, "set-user-id programs do not become root in "+l.dir)
		}
		pid, err := strconv.Atoi(l.await("root"))
		fatal(t, err)
		if status != 3 || syscall.Kill(pid, 0) != nil {
			t.Errorf("%s: status %d, want 3; root's process: %v", mode, status, syscall.Kill(pid, 0))
		}
		l.says("process " + strconv.Itoa(pid) + " (")
		l.says("is another user's")
		fatal(t, os.WriteFile(l.path("done"), nil, 0o600))
		gone(t, l.path("done"))
	}
}

// TestEarlierChildren: children that a shell had before it became lastly are none of its command's.
func TestEarlierChildren(t *testing.T) {
	t.Parallel()
	for _, mode := range append([]string{"killed"}, modes...) {
		sleep := made(t) + itoa(len(mode))
		command := "exit 4"
		if mode == "killed" {
			mode, command = "", "kill -9 $PPID; exec sleep 3600"
		}
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", command)...)
		script := `sleep ` + sleep + ` >/dev/null 2>&1 & echo $! >earlier; exec "$@"`
		l.cmd.Args = append([]string{"sh", "-c", script, "sh", l.cmd.Path}, l.cmd.Args[1:]...)
		path, err := exec.LookPath("sh")
		fatal(t, err)
		l.cmd.Path = path
		l.begin()
		if status := l.status(); status != 4 && command == "exit 4" || !lives(sleep) {
			t.Errorf("%q, %s: status %d; the earlier one lives: %v", mode, command, status, lives(sleep))
		}
		pid, err := strconv.Atoi(l.await("earlier"))
		fatal(t, err)
		fatal(t, syscall.Kill(pid, syscall.SIGKILL))
		gone(t, sleep)
	}
}
