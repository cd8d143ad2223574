package app

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

// service is a process of the service in dir, which is ended with the test.
func service(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-dir", dir)
	cmd.Env = append(os.Environ(), RoleEnv+"="+RoleService, web.EnvDrainDelay+"=0", "GORACE=atexit_sleep_ms=0")
	t.Cleanup(func() {
		if cmd.Process != nil && cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

// startProcess starts a service that must come up, and returns when it serves.
func startProcess(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := service(t, dir)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, "serving") {
		t.Fatalf("the service said %q, %v; want serving ...", line, err)
	}
	return cmd
}

func TestSecondInstanceInTheSameFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	first := startProcess(t, dir)

	out, err := service(t, dir).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 {
		t.Errorf("a second instance ended with %v, want exit status 1", err)
	}
	if want := fmt.Sprintf("held by process %d", first.Process.Pid); !strings.Contains(string(out), want) {
		t.Errorf("it said %q, and not %q", out, want)
	}

	// Whatever the first one dies of, the next one gets in when the guard has tidied up. On a busy machine that may take longer than
	// an instance has patience.
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	var tidied lastly.Scope
	if err := resource.Lock(t.Context(), &tidied, filepath.Join(dir, LockFile)); err != nil {
		t.Fatal(err)
	}
	if err := tidied.Close(); err != nil {
		t.Error(err)
	}
	next := startProcess(t, dir)
	if err := next.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := next.Wait(); err != nil {
		t.Errorf("the next instance ended with %v, want exit status 0", err)
	}
}
