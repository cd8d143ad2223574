package resource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{"begins": beginAndStart, "direct": startDirect, "nested": nestedOwners, "unlucky": killSupervisor, "short": startWithoutDescriptors, "unheld": startUnheld})

// begunVariable names a file in which every process that gets as far as this package's variables notes itself. A supervisor has no
// other variables than the loader's.
const begunVariable = "LD_LASTLY_TEST_BEGUN"

var _ = noteBegun(os.Getenv(begunVariable))

func noteBegun(file string) bool {
	if file == "" {
		return false
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return false
	}
	_, _ = fmt.Fprintln(f, os.Getpid())
	return f.Close() == nil
}

func beginAndStart([]string) {
	var s lastly.Scope
	p, err := resource.Start(&s, exec.Command("env", "-u", begunVariable, "true"))
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	if err := p.Wait(); err != nil {
		testproc.Say("%v", err)
	}
	_ = s.Close()
}

// TestSupervisorRunsNothing: nothing of the program begins in its supervisors.
func TestSupervisorRunsNothing(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/begun"
	p := testproc.Spec{Victim: "begins", Env: []string{begunVariable + "=" + file}}.Start(t)
	if r := p.Wait(); r.Out != "" {
		t.Error(r)
	}
	if text, _ := os.ReadFile(file); string(text) != fmt.Sprintln(p.Pid()) {
		t.Errorf("the program began in %q, want only in %d", strings.Fields(string(text)), p.Pid())
	}
}

// startDirect starts without a supervisor: a command that ends, one that leaves a marked daemon, one that is deaf.
func startDirect([]string) {
	edge.Set(func(point string) error {
		if point == "supervisor" {
			return errors.New("the test wants none")
		}
		return nil
	})
	daemon := fmt.Sprintf("3600.%d", os.Getpid())
	for _, line := range []string{"exit 3", "setsid sleep " + daemon + " & exit 4", "trap '' TERM; sleep 3600 & wait"} {
		var s lastly.Scope
		cmd := exec.Command("sh", "-c", line)
		cmd.WaitDelay = shortGrace
		p, err := resource.Start(&s, cmd)
		if err != nil {
			testproc.Say("%v", err)
			continue
		}
		if !strings.Contains(line, "wait") {
			testproc.Say("%v", p.Wait())
		}
		if err := s.Close(); err != nil {
			testproc.Say("%v", err)
		}
		if strings.Contains(line, "wait") {
			testproc.Say("%v", p.Wait())
		}
	}
	cmdlines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range cmdlines {
		if text, _ := os.ReadFile(file); strings.Contains(string(text), daemon) {
			testproc.Say("the daemon lives on: %s", file)
		}
	}
	var s lastly.Scope
	_, err := resource.Start(&s, exec.Command("/dev/null"))
	testproc.Say("%v", err)
	testproc.Say("%d hooks", len(s.Report().Hooks))
	testproc.Say("hurry: %v", stopInAHurry(&s))
}

// startUnheld starts as on a system without supervisors where no process can be told from its successors.
func startUnheld(words []string) {
	edge.Set(func(point string) error {
		if point == "supervisor" || point == "identity" {
			return errors.ErrUnsupported
		}
		return nil
	})
	for _, line := range []string{"exit 3", "exec sleep TOKEN", "sleep TOKEN & wait", "trap '' TERM; sleep TOKEN & wait"} {
		var s lastly.Scope
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(line, "TOKEN", words[0]))
		cmd.WaitDelay = shortGrace
		p, err := resource.Start(&s, cmd)
		if err != nil {
			testproc.Say("%v", err)
			continue
		}
		if strings.HasPrefix(line, "exit") {
			_ = p.Wait()
		}
		testproc.Say("%v, %v", s.Close(), p.Wait())
	}
	var s lastly.Scope
	testproc.Say("hurry: %v", stopInAHurry(&s))
}

// stopInAHurry stops what is deaf to SIGTERM, without the time for a grace.
func stopInAHurry(s *lastly.Scope) error {
	cmd := exec.Command("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.01; done")
	cmd.WaitDelay = time.Hour
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p, err := resource.Start(s, cmd)
	if err != nil {
		return err
	}
	_, _ = io.ReadFull(out, make([]byte, len("deaf")))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.Stop(ctx)
	return p.Wait()
}

// TestUnheld: on the BSDs the command and its group are ended.
func TestUnheld(t *testing.T) {
	t.Parallel()
	f := newForest(t)
	r := testproc.Start(t, "unheld", f.token).Wait()
	r.Check(t, "exit 0")
	if strings.Count(r.Out, "<nil>, lastly: child sh: ended by signal: ") != 3 || !strings.HasPrefix(r.Out, "<nil>, lastly: child sh: exit status 3\n") ||
		!strings.HasSuffix(r.Out, "\nhurry: lastly: child sh: ended by signal: killed\n") {
		t.Error(r)
	}
	f.checkGone()
}

// TestWithoutSupervisor: the group and what bears the mark are ended.
func TestWithoutSupervisor(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "direct").Wait()
	r.Check(t, "exit 0")
	want := `lastly: child sh: exit status 3
lastly: child sh: exit status 4
lastly: child sh: ended by signal: killed
lastly: start child null: fork/exec /dev/null: permission denied; make it executable (chmod +x) and its folders accessible for this user
0 hooks
hurry: lastly: child sh: ended by signal: killed
`
	if r.Out != want {
		t.Error(r.Out)
	}
}

func nestedOwners(words []string) {
	if words[0] == "inner" {
		innerOwner(words[1])
	}
	outerOwner(words[0])
}

// innerOwner is a program of its own in somebody's tree, deaf to SIGTERM.
func innerOwner(token string) {
	signal.Ignore(syscall.SIGTERM)
	var s lastly.Scope
	dir, err := resource.TempDir(&s, "nested-*")
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	cmd := exec.Command("sh", "-c", "trap '' TERM; exec env -i sleep "+token)
	if _, err := resource.Start(&s, cmd); err != nil {
		testproc.Say("%v", err)
		return
	}
	testproc.Say("%s", dir)
	select {}
}

// TestNestedOwner: a program in the tree has its own tree, guard and supervisor. All end, and the guard has the time to
// settle what the program left when it was killed.
func TestNestedOwner(t *testing.T) {
	t.Parallel()
	const tries = 5 // the time is a second, which a very busy machine may not have for the guard
	for i := range tries {
		f := newForest(t)
		r := testproc.Spec{
			Victim: "nested", Args: []string{f.token}, Env: []string{"LASTLY_DIR=" + guardedFolder(t)},
		}.Start(t).Wait()
		r.Check(t, "exit 0")
		dir, said, _ := strings.Cut(strings.TrimSpace(r.Out), "\n")
		if said != "stopped" {
			t.Fatal(r)
		}
		if left := f.living(); len(left) != 0 {
			t.Errorf("%d live on", len(left))
		}
		if _, err := os.Stat(dir); err != nil {
			return
		}
		_ = os.RemoveAll(dir)
		if i == tries-1 {
			t.Errorf("%s was left, as %d before it", dir, i)
		}
	}
}

// outerOwner starts this test binary as the inner one, waits for its line, and stops it with hardly a grace.
func outerOwner(token string) {
	var s lastly.Scope
	cmd := exec.Command("/proc/self/exe", "inner", token)
	cmd.Env = append(os.Environ(), "LASTLY_TESTPROC_VICTIM=nested")
	cmd.WaitDelay = 50 * time.Millisecond
	out, err := cmd.StdoutPipe()
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	p, err := resource.Start(&s, cmd)
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	line := make([]byte, 1000)
	n, _ := out.Read(line)
	testproc.Say("%s", strings.TrimSpace(string(line[:n])))
	if err := p.Stop(context.Background()); err != nil {
		testproc.Say("%v", err)
	}
	testproc.Say("stopped")
}

// killSupervisor kills the supervisor before it can have started anything.
func killSupervisor([]string) {
	edge.Set(func(point string) error {
		if point == "handshake" {
			for _, pid := range childrenOf(os.Getpid()) {
				if nameOf(pid) != "lastly-guard" {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
		return nil
	})
	var s lastly.Scope
	_, err := resource.Start(&s, exec.Command("true"))
	testproc.Say("%v, %d hooks", err, len(s.Report().Hooks))
}

// TestSupervisorDiesAtItsStart: the start fails, at once.
func TestSupervisorDiesAtItsStart(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "unlucky").Wait()
	if !strings.Contains(r.Out, "its supervisor died at its start") || !strings.HasSuffix(r.Out, ", 0 hooks\n") {
		t.Error(r)
	}
}

// TestSupervisorKilledByItsCommand: whether Start hears of it or Wait does, nothing of the tree is left.
func TestSupervisorKilledByItsCommand(t *testing.T) {
	t.Parallel()
	for range 5 {
		var s lastly.Scope
		f := newForest(t)
		cmd := shell("kill -KILL $PPID; setsid sleep TOKEN & exec sleep TOKEN")
		cmd.Args[2] = strings.ReplaceAll(cmd.Args[2], "TOKEN", f.token)
		cmd.WaitDelay = shortGrace
		p, err := resource.Start(&s, cmd)
		if err != nil {
			if n := len(s.Report().Hooks); n != 0 || !strings.Contains(err.Error(), "its supervisor died at its start") {
				t.Errorf("%v, %d hooks", err, n)
			}
		} else if err := p.Wait(); err == nil {
			t.Error("Wait says that all is well")
		}
		if err := s.Close(); (err == nil) != (p == nil) {
			t.Errorf("Close: %v", err)
		}
		if n := len(f.living()); n != 0 {
			t.Fatalf("%d live on", n)
		}
	}
}

// startWithoutDescriptors has none left when its command runs already.
func startWithoutDescriptors(words []string) {
	const most = 100
	exitOn(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most}))
	var all []*os.File
	edge.Set(func(point string) error {
		for f, err := os.Open(os.DevNull); point == "handshake" && err == nil; f, err = os.Open(os.DevNull) {
			all = append(all, f)
		}
		return nil
	})
	var s lastly.Scope
	_, err := resource.Start(&s, exec.Command("env", "-i", "sleep", words[0]))
	for _, f := range all {
		_ = f.Close()
	}
	testproc.Say("%v, %d hooks", err, len(s.Report().Hooks))
	testproc.Say("%v", s.Close())
	select {}
}

// TestStartWithoutDescriptors: a command that runs and can't be held is ended at once, by its supervisor.
func TestStartWithoutDescriptors(t *testing.T) {
	t.Parallel()
	f := newForest(t)
	p := testproc.Spec{Victim: "short", Args: []string{f.token}, Env: []string{"LASTLY_DIR=" + guardedFolder(t)}}.Start(t)
	p.WaitLine("<nil>")
	if left := f.living(); len(left) != 1 { // the victim
		t.Errorf("%d live on", len(left)-1)
	}
	p.Signal(syscall.SIGKILL)
	if r := p.Wait(); !strings.Contains(r.Out, "too many open files; this program has as many open files as it may") || !strings.Contains(r.Out, ", 0 hooks\n") {
		t.Error(r)
	}
}
