package resource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{
	"forest":           ownForest,
	"forest with Main": ownForestUnderMain,
})

// plant starts the script of the words, with its own kind of a grace, and says what the test has to know.
func plant(s *lastly.Scope, script string) error {
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdout, cmd.WaitDelay = os.Stdout, shortGrace
	p, err := resource.Start(s, cmd)
	if err != nil {
		return err
	}
	if supervised, _ := stat(p.Pid()); supervised[4] == fmt.Sprint(os.Getpid()) {
		return errors.New("there is no supervisor")
	}
	return nil
}

// ownForest owns a tree without Main, and then ends as the second word says.
func ownForest(words []string) {
	var s lastly.Scope
	if err := plant(&s, words[0]); err != nil {
		testproc.Say("%v", err)
		return
	}
	exitOn(os.WriteFile(words[2]+".planted", nil, 0o600))
	switch await(words[2]); words[1] {
	case "exit":
		os.Exit(3)
	case "exec":
		_ = syscall.Exec("/bin/sleep", []string{"sleep", "3600"}, nil)
	case "panic in a goroutine":
		go panic("on purpose")
	case "close":
		if err := s.Close(); err != nil {
			testproc.Say("%v", err)
		}
		return
	}
	select {}
}

// ownForestUnderMain is the same under Main.
func ownForestUnderMain(words []string) {
	lastly.Main(func(ctx context.Context) error {
		if err := plant(lastly.Process(), words[0]); err != nil {
			testproc.Say("%v", err)
			return err
		}
		switch await(words[2]); words[1] {
		case "return":
			return nil
		case "panic":
			panic("on purpose")
		case "Exit":
			lastly.Exit(4)
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

// await waits for the file that says that the whole forest stands, or until its folder is gone.
func await(file string) {
	for {
		_, err := os.Stat(file)
		if _, gone := os.Stat(filepath.Dir(file)); err == nil || gone != nil {
			return
		}
		testproc.Linger(time.Millisecond)
	}
}

// guardedFolder is for an owner's journals: its guard may be at work in it for a moment after everything is over.
func guardedFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lastly-start-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		testproc.Poll(t, "the end of the guard in "+dir, func() bool { return os.RemoveAll(dir) == nil })
	})
	return dir
}

// TestOwnerDies: however the owner ends, nothing of the tree is left.
func TestOwnerDies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		victim, how string
		kill        func(p *testproc.Proc)
		ended       string
	}{
		{"forest", "killed", func(p *testproc.Proc) { p.Signal(syscall.SIGKILL) }, "signal killed"},
		{"forest", "killed, group", func(p *testproc.Proc) { p.SignalGroup(syscall.SIGKILL) }, "signal killed"},
		{"forest", "terminated", func(p *testproc.Proc) { p.Signal(syscall.SIGTERM) }, "signal terminated"},
		{"forest", "interrupted, group", func(p *testproc.Proc) { p.SignalGroup(syscall.SIGINT) }, "signal interrupt"},
		{"forest", "exit", nil, "exit 3"},
		{"forest", "panic in a goroutine", nil, "exit 2"},
		{"forest", "close", nil, "exit 0"},
		{"forest with Main", "return", nil, "exit 0"},
		{"forest with Main", "panic", nil, "exit 2"},
		{"forest with Main", "Exit", nil, "exit 4"},
		{"forest with Main", "terminated", func(p *testproc.Proc) { p.Signal(syscall.SIGTERM) }, "signal terminated"},
		{"forest with Main", "interrupted, group", func(p *testproc.Proc) { p.SignalGroup(syscall.SIGINT) }, "signal interrupt"},
		{"forest with Main", "killed", func(p *testproc.Proc) { p.Signal(syscall.SIGKILL) }, "signal killed"},
	} {
		t.Run(c.victim+": "+c.how, func(t *testing.T) {
			t.Parallel()
			f := newForest(t)
			dir := guardedFolder(t)
			p := testproc.Spec{
				Victim: c.victim, Args: []string{f.script(1, "wait"), c.how, dir + "/stands"},
				Env: []string{"LASTLY_DIR=" + dir + "/journals"},
			}.Start(t)
			p.WaitLine("ready")
			f.awaitAll(1, 1)
			if err := os.WriteFile(dir+"/stands", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.kill != nil {
				c.kill(p)
			}
			p.Wait().Check(t, c.ended)
			f.checkGone()
		})
	}
}

// TestOwnerExecs: a program that becomes another one has let go.
func TestOwnerExecs(t *testing.T) {
	t.Parallel()
	f, dir := newForest(t), guardedFolder(t)
	p := testproc.Spec{
		Victim: "forest", Args: []string{f.script(1, "wait"), "exec", dir + "/stands"},
		Env: []string{"LASTLY_DIR=" + dir + "/journals"},
	}.Start(t)
	p.WaitLine("ready")
	f.awaitAll(1, 1)
	if err := os.WriteFile(dir+"/stands", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.checkGone()
	if name := nameOf(p.Pid()); name != "sleep" {
		t.Errorf("the owner is %q", name)
	}
	p.Signal(syscall.SIGKILL)
	p.Wait()
}

// TestBothDie: owner and supervisor are killed together; then the guard finds what bears the mark.
func TestBothDie(t *testing.T) {
	t.Parallel()
	f, dir := newForest(t), guardedFolder(t)
	script := "setsid sleep " + f.token + " & (trap '' TERM; exec sleep " + f.token + ") & echo ready; wait # " + f.token
	p := testproc.Spec{
		Victim: "forest", Args: []string{script, "killed", dir + "/stands"}, Env: []string{"LASTLY_DIR=" + dir + "/journals"},
	}.Start(t)
	p.WaitLine("ready")
	testproc.Poll(t, "all three, and the owner", func() bool { return len(f.living()) == 4 })
	for _, pid := range childrenOf(p.Pid()) {
		if nameOf(pid) == "lastly-supervis" {
			_ = syscall.Kill(p.Pid(), syscall.SIGSTOP) // so that it can't act
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	p.Signal(syscall.SIGKILL)
	p.Wait().Check(t, "signal killed")
	f.checkGone()
}

// TestTermOnceAfterDeath: the supervisor and the guard do not both ask.
func TestTermOnceAfterDeath(t *testing.T) {
	t.Parallel()
	f, dir := newForest(t), guardedFolder(t)
	noting := `sh -c 'trap "echo term >>$0; sleep 0.2; exit 0" TERM; : >$0.up; while :; do sleep 0.01; done' `
	script := "cd " + dir + "; setsid " + noting + "session " + f.token + " & exec " + noting + "command " + f.token
	p := testproc.Spec{
		Victim: "forest", Args: []string{script, "killed", dir + "/stands"}, Env: []string{"LASTLY_DIR=" + dir + "/journals"},
	}.Start(t)
	testproc.Poll(t, "both", func() bool {
		ups, _ := filepath.Glob(filepath.Join(dir, "*.up"))
		return len(ups) == 2
	})
	testproc.Poll(t, "the record of who holds them", func() bool {
		_, err := os.Stat(dir + "/stands.planted")
		return err == nil
	})
	p.Signal(syscall.SIGKILL)
	p.Wait()
	f.checkGone()
	for _, name := range []string{"session", "command"} {
		if text, _ := os.ReadFile(filepath.Join(dir, name)); string(text) != "term\n" {
			t.Errorf("%s noted %q, want SIGTERM once", name, text)
		}
	}
}

// TestAsPID1: the first process of a container can own trees, too.
func TestAsPID1(t *testing.T) {
	t.Parallel()
	if err := exec.Command("unshare", "--fork", "--pid", "--mount-proc", "true").Run(); err != nil {
		t.Skipf("no PID namespace here: unshare: %v", err)
	}
	f, dir := newForest(t), guardedFolder(t)
	p := testproc.Spec{
		Victim: "forest", Args: []string{f.script(1, "wait"), "close", dir + "/stands"},
		Env: []string{"LASTLY_DIR=" + dir + "/journals"}, Wrap: []string{"unshare", "--fork", "--pid", "--mount-proc"},
	}.Start(t)
	p.WaitLine("ready")
	f.awaitAll(1, 2) // this test binary, and unshare
	if err := os.WriteFile(dir+"/stands", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.Wait()
	r.Check(t, "exit 0")
	if r.Out != "ready\n" {
		t.Error(r)
	}
	f.checkGone()
}
