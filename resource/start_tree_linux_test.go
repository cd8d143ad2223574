package resource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

// shortGrace is for trees with something in it that ignores SIGTERM.
const shortGrace = 300 * time.Millisecond

// TestTreeEnds: when Close returns, nothing of the tree is left, however it tried to get away.
func TestTreeEnds(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	f := newForest(t)
	cmd := exec.Command("sh", "-c", f.script(3, "wait"))
	cmd.WaitDelay = shortGrace
	p := start(t, &s, cmd)
	f.awaitAll(3, 0)
	endTrees(t, &s)
	if left := f.living(); len(left) > 0 {
		t.Errorf("%d left after Close", len(left))
	}
	var exit *resource.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.Signal != syscall.SIGTERM || exit.Code != -1 || exit.Command != "sh" {
		t.Errorf("Wait: %v", err)
	}
}

// TestTermFirst: everything that can end in order does, and nothing is killed before its grace is over.
func TestTermFirst(t *testing.T) {
	t.Parallel()
	s := lastly.Scope{Grace: 2 * time.Hour}
	f, dir := newForest(t), t.TempDir()
	// Three that note their SIGTERM: the command, an orphan in a session of its own, one that is stopped.
	noting := `sh -c 'trap "echo term >>$0; exit 0" TERM; : >$0.up; while :; do sleep 0.01; done' `
	script := "cd " + dir + "\n(env -i setsid " + noting + "daemon " + f.token + " &)\n" + noting + "stopped " + f.token + ` &
		while [ ! -e stopped.up ]; do sleep 0.01; done; kill -STOP $!; exec ` + noting + "command " + f.token
	cmd := exec.Command("sh", "-c", script)
	cmd.WaitDelay = time.Hour // which nobody waits for
	p := start(t, &s, cmd)
	testproc.Poll(t, "all three", func() bool {
		ups, _ := filepath.Glob(filepath.Join(dir, "*.up"))
		return len(ups) == 3
	})
	endTrees(t, &s)
	if err := p.Wait(); err != nil {
		t.Errorf("the command did not end in order: %v", err)
	}
	for _, name := range []string{"daemon", "stopped", "command"} {
		if text, _ := os.ReadFile(filepath.Join(dir, name)); string(text) != "term\n" {
			t.Errorf("%s noted %q, want SIGTERM once", name, text)
		}
	}
}

// TestEndsByItself: a command that leaves nothing running leaves nothing registered.
func TestEndsByItself(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	p := start(t, &s, exec.Command("true"))
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	testproc.Poll(t, "an empty plan", func() bool { return len(s.Report().Hooks) == 0 })
	if err := p.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	endTrees(t, &s)
}

// TestDaemonLives: what the command leaves running lives until the scope's turn, and is told SIGTERM then.
func TestDaemonLives(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	f := newForest(t)
	p := start(t, &s, exec.Command("sh", "-c", "(env -i setsid sleep "+f.token+" >/dev/null 2>&1 &)"))
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	testproc.Poll(t, "the daemon", func() bool { return len(f.living()) == 1 })
	testproc.Linger(50 * time.Millisecond)
	if hooks := s.Report().Hooks; len(f.living()) != 1 || len(hooks) != 1 {
		t.Errorf("%d live, %d hooks", len(f.living()), len(hooks))
	}
	endTrees(t, &s)
	if len(f.living()) != 0 {
		t.Error("it lives on")
	}
}

// TestSupervisorKilled: the owner notices, ends at once what it can find, and never says that all is well.
func TestSupervisorKilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		all    int // processes, or almost: what comes last may have ended
	}{
		"marked":     {"setsid sleep TOKEN & (trap '' TERM; exec sleep TOKEN) & wait # TOKEN", 3},
		"scrubbed":   {"env -i sh -c 'env -i setsid sleep TOKEN & env -i sleep TOKEN & wait # TOKEN' & exec env -i sleep TOKEN", 4},
		"only marks": {"setsid sleep TOKEN & sleep TOKEN & sleep TOKEN & sleep 0.5 # TOKEN", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s lastly.Scope
			f := newForest(t)
			cmd := exec.Command("sh", "-c", strings.ReplaceAll(c.script, "TOKEN", f.token))
			cmd.WaitDelay = shortGrace
			p := start(t, &s, cmd)
			supervisor := parentOf(t, p.Pid())
			testproc.Poll(t, "all", func() bool { return len(f.living()) >= c.all })
			testproc.Linger(20 * time.Millisecond)
			_ = syscall.Kill(supervisor, syscall.SIGKILL)
			if err := p.Wait(); name != "only marks" && (err == nil || !strings.Contains(err.Error(), "supervisor was killed")) {
				t.Error(err)
			}
			f.checkGone()
			if err := s.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("its supervisor (process %d) was killed", supervisor)) {
				t.Errorf("Close: %v", err)
			}
			if err := p.Stop(context.Background()); err == nil {
				t.Error("Stop says that all is well")
			}
		})
	}
}

// TestSupervisorStopped is no obstacle.
func TestSupervisorStopped(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	f := newForest(t)
	p := start(t, &s, exec.Command("sleep", f.token))
	_ = syscall.Kill(parentOf(t, p.Pid()), syscall.SIGSTOP)
	endTrees(t, &s)
	if len(f.living()) != 0 {
		t.Error("it lives on")
	}
}

// TestChain: processes that start their successor and exit are outrun.
func TestChain(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	f := newForest(t)
	chain := filepath.Join(t.TempDir(), "chain")
	// It ends by itself after a while, should it not be ended.
	if err := os.WriteFile(chain, []byte(`[ "$2" -gt 0 ] && setsid sh "$0" "$1" $(($2 - 1)) &`), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		cmd := exec.Command("env", "-i", "sh", chain, f.token, "20000")
		cmd.WaitDelay = 10 * time.Millisecond
		start(t, &s, cmd)
	}
	testproc.Linger(20 * time.Millisecond)
	endTrees(t, &s)
	if n := len(f.living()); n != 0 {
		t.Errorf("%d live on", n)
	}
}

// TestSupervisorIsDeaf: what is sent to it, as to everything in a cgroup, neither ends it nor reaches the command a second time.
func TestSupervisorIsDeaf(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	p := start(t, &s, exec.Command("sleep", "3600"))
	supervisor := parentOf(t, p.Pid())
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS, 32, 33, 34:
		default:
			_ = syscall.Kill(supervisor, sig)
		}
	}
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	var exit *resource.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.Signal != syscall.SIGUSR1 {
		t.Error(err)
	}
	endTrees(t, &s)
}

// TestSupervisorHoldsNothing: no descriptor but its own four and the null device's three, no folder, no mark, no secrets.
func TestSupervisorHoldsNothing(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	cmd := exec.Command("sleep", "3600")
	file, err := os.Create(filepath.Join(t.TempDir(), "extra"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cmd.ExtraFiles, cmd.Stdout = []*os.File{file, nil, file}, file
	cmd.Env = append(os.Environ(), "SECRET=1")
	p := start(t, &s, cmd)
	supervisor := parentOf(t, p.Pid())
	if name := nameOf(supervisor); name != "lastly-supervis" {
		t.Errorf("it is called %q", name)
	}
	folder := filepath.Join("/proc", strconv.Itoa(supervisor))
	if cwd, _ := os.Readlink(folder + "/cwd"); cwd != "/" {
		t.Errorf("its folder is %s", cwd)
	}
	testproc.Poll(t, "the supervisor's pipe of its own", func() bool {
		entries, _ := os.ReadDir(folder + "/fd")
		return len(entries) == 7
	})
	entries, _ := os.ReadDir(folder + "/fd")
	for _, e := range entries {
		if to, _ := os.Readlink(folder + "/fd/" + e.Name()); to == file.Name() {
			t.Errorf("it holds %s as %s", to, e.Name())
		}
	}
	environ, _ := os.ReadFile(folder + "/environ")
	if strings.Contains(string(environ), "LASTLY_MARK") || strings.Contains(string(environ), "SECRET") {
		t.Errorf("its environment: %q", environ)
	}
	endTrees(t, &s)
}
