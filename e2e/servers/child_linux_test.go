package servers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/e2e/internal/real"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var childVictims = testproc.Victims{
	"redis child": func(args []string) { program().Main(func(ctx context.Context) error { return startChild(ctx, args) }) },
}

// startChild owns a server as a child process.
func startChild(ctx context.Context, args []string) error {
	cmd := exec.Command(args[0], "--port", "0", "--unixsocket", filepath.Join(args[1], "socket"), "--dir", args[1],
		"--save", "", "--appendonly", "no", "--daemonize", args[2], "--pidfile", filepath.Join(args[1], "pid"))
	p, err := resource.Start(lastly.Process(), cmd)
	if err != nil {
		return err
	}
	if args[2] == "yes" {
		if err := p.Wait(); err != nil {
			return err
		}
	}
	testproc.Say("started %d", p.Pid())
	<-ctx.Done()
	return nil
}

// TestServerAsChild starts redis as a child. It is a hard case of a real program: as a daemon it leaves its parent, group and
// session, and it writes its title over its environment, where a mark would be looked for.
func TestServerAsChild(t *testing.T) {
	t.Parallel()
	server := real.Need(t, "redis-server", "redis-server")
	for _, daemonize := range []string{"no", "yes"} {
		for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			t.Run("daemon "+daemonize+", "+end.String(), func(t *testing.T) {
				t.Parallel()
				v, pid, dir := startRedisChild(t, server, daemonize)
				v.Signal(end)
				if r := v.Wait(); end == syscall.SIGTERM {
					r.Check(t, "exit 0")
					checkEnded(t, pid) // when the owner is gone, so is the server
				} else {
					waitGuard(t, dir)
				}
				testproc.Poll(t, "redis to end", func() bool { return !lives(pid) })
			})
		}
	}
}

// startRedisChild returns the owner, the number of the server, which answers, and the folder of the owner's journal.
func startRedisChild(t *testing.T, server, daemonize string) (v *testproc.Proc, pid int, dir string) {
	folder := t.TempDir()
	dir = t.TempDir()
	v = testproc.Spec{
		Victim: "redis child", Args: []string{server, folder, daemonize}, Env: []string{"LASTLY_DIR=" + dir},
	}.Start(t)
	waitSaid(t, v, "started", 1)
	rdb := connectRedis(filepath.Join(folder, "socket"), "test")
	defer rdb.Close()
	testproc.Poll(t, "redis to answer", func() bool { return rdb.Ping(t.Context()).Err() == nil })
	testproc.Poll(t, "redis to tell its number", func() bool {
		text, _ := os.ReadFile(filepath.Join(folder, "pid"))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid != 0
	})
	t.Cleanup(func() {
		if lives(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return v, pid, dir
}

func checkEnded(t *testing.T, pid int) {
	t.Helper()
	if lives(pid) {
		t.Errorf("redis (%d) outlived its owner", pid)
	}
}

// lives reports whether the process runs: one that nobody waited for does not.
func lives(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, ok := strings.Cut(string(stat), ") ")
	return err == nil && ok && !strings.HasPrefix(rest, "Z")
}

// TestServerLosesItsSupervisor kills what stands between the program and its child: the program ends the child at once, and
// says so at its own end.
func TestServerLosesItsSupervisor(t *testing.T) {
	t.Parallel()
	v, pid, dir := startRedisChild(t, real.Need(t, "redis-server", "redis-server"), "no")
	supervisor := parentOf(t, pid)
	if supervisor == v.Pid() {
		t.Fatal("there is no supervisor")
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testproc.Poll(t, "redis to end", func() bool { return !lives(pid) })
	if v.Gone() {
		t.Error("the program ended with its supervisor")
	}
	v.Signal(syscall.SIGTERM)
	r := v.Wait()
	waitGuard(t, dir) // the record stayed, since the hook failed
	r.Check(t, "exit 1")
	r.CheckErr(t, "its supervisor (process "+strconv.Itoa(supervisor)+") was killed")
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}
