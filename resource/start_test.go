//go:build unix

package resource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// start starts a command, and fails the test if it can't.
func start(t testing.TB, s *lastly.Scope, cmd *exec.Cmd) *resource.Process {
	t.Helper()
	p, err := resource.Start(s, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// endTrees closes a scope.
func endTrees(t testing.TB, s *lastly.Scope) {
	t.Helper()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func shell(line string) *exec.Cmd { return exec.Command("sh", "-c", line) }

// TestExitStatus: Wait says how the command ended, to everybody, any time.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	for line, want := range map[string]resource.ExitError{
		"exit 0":          {},
		"exit 3":          {Command: "sh", Code: 3},
		"exit 255":        {Command: "sh", Code: 255},
		"kill -KILL $$":   {Command: "sh", Code: -1, Signal: syscall.SIGKILL},
		"kill -USR1 $$":   {Command: "sh", Code: -1, Signal: syscall.SIGUSR1},
		"exec kill -9 $$": {Command: "sh", Code: -1, Signal: syscall.SIGKILL},
	} {
		p := start(t, &s, shell(line))
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				err := p.Wait()
				var exit *resource.ExitError
				switch {
				case want == resource.ExitError{}:
					if err != nil {
						t.Errorf("%s: %v", line, err)
					}
				case !errors.As(err, &exit) || *exit != want:
					t.Errorf("%s: %v", line, err)
				}
			})
		}
		all.Wait()
		<-p.Done()
	}
	endTrees(t, &s)
}

// TestStreams: every way that package exec has to hand in and out.
func TestStreams(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	both := "cat; echo err >&2"
	t.Run("buffers", func(t *testing.T) {
		cmd := shell(both)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Repeat("x", 1<<20)), &out, &errs
		if err := start(t, &s, cmd).Wait(); err != nil || out.Len() != 1<<20 || errs.String() != "err\n" {
			t.Errorf("%v, %d, %q", err, out.Len(), errs.String())
		}
	})
	t.Run("one buffer for both", func(t *testing.T) {
		cmd := shell(both)
		var out bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("in\n"), &out, &out
		if err := start(t, &s, cmd).Wait(); err != nil || out.String() != "in\nerr\n" {
			t.Errorf("%v, %q", err, out.String())
		}
	})
	t.Run("files", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "out")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		cmd := shell(both + "; echo extra >&3; echo four >&5")
		cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = f, f, []*os.File{f, nil, f}
		err = start(t, &s, cmd).Wait()
		if text, _ := os.ReadFile(name); err != nil || string(text) != "err\nextra\nfour\n" {
			t.Errorf("%v, %q", err, text)
		}
	})
	endTrees(t, &s)
}

// TestPipesOfTheCommand: those of cmd, read and written while it runs; and a pipe that it does not read.
func TestPipesOfTheCommand(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	t.Run("all", func(t *testing.T) {
		cmd := shell("cat; echo err >&2")
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		errs, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, &s, cmd)
		_, _ = io.WriteString(in, "in\n")
		_ = in.Close()
		text, err := io.ReadAll(out)
		more, err2 := io.ReadAll(errs)
		if string(text) != "in\n" || string(more) != "err\n" || err != nil || err2 != nil {
			t.Errorf("%q, %q, %v, %v", text, more, err, err2)
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("input that is not read", func(t *testing.T) {
		cmd := shell("exit 0")
		cmd.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
		if err := start(t, &s, cmd).Wait(); err != nil {
			t.Error(err)
		}
	})
	endTrees(t, &s)
}

// TestPipesSurviveTheScope: what the command wrote is still there to read when its tree was ended.
func TestPipesSurviveTheScope(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	cmd := shell(`printf "one\ntwo\n"; exec sleep 3600`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, &s, cmd)
	first := make([]byte, 4)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatal(err)
	}
	endTrees(t, &s)
	if rest, err := io.ReadAll(out); string(rest) != "two\n" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// writerFunc is a function that writes.
type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestWaitDelay: what holds the output open keeps Wait no longer than that; without, Wait waits for it.
func TestWaitDelay(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	cmd := shell("sleep 3600 & echo done; read line; exit 0")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = writerFunc(func(b []byte) (int, error) {
		_ = in.Close() // the command ends when its output has come, or else that could come too late
		return out.Write(b)
	})
	cmd.WaitDelay = 50 * time.Millisecond
	p := start(t, &s, cmd)
	if err := p.Wait(); !errors.Is(err, exec.ErrWaitDelay) || out.String() != "done\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	cmd = shell("sleep 0.1 & echo done")
	cmd.Stdout = &out
	began := time.Now()
	if err := start(t, &s, cmd).Wait(); err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	endTrees(t, &s)
}

// TestLongestWaitDelay: as long as a time can be is no more than long.
func TestLongestWaitDelay(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	for _, line := range []string{"exit 0", "exec sleep 3600"} {
		cmd := shell(line)
		cmd.WaitDelay = math.MaxInt64
		start(t, &s, cmd)
	}
	endTrees(t, &s)
}

// TestClosedScope: nothing is started.
func TestClosedScope(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	endTrees(t, &s)
	file := filepath.Join(t.TempDir(), "started")
	if _, err := resource.Start(&s, shell("touch "+file)); !errors.Is(err, lastly.ErrClosed) {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was started")
	}
}

// TestInAHook: a hook may start a command and wait for it.
func TestInAHook(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	var out bytes.Buffer
	s.Defer("starter", func(context.Context) error {
		cmd := shell("echo from a hook")
		cmd.Stdout = &out
		p, err := resource.Start(&s, cmd)
		if err != nil {
			return err
		}
		return p.Wait()
	})
	endTrees(t, &s)
	if out.String() != "from a hook\n" {
		t.Errorf("%q", out.String())
	}
}

// TestSignal goes to the command, and to that alone. cmd.Process is the command.
func TestSignal(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	cmd := shell("trap 'exit 5' USR1; echo up; while :; do sleep 0.01; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, &s, cmd)
	if cmd.Process.Pid != p.Pid() {
		t.Errorf("cmd.Process is %d, the command %d", cmd.Process.Pid, p.Pid())
	}
	_, _ = io.ReadFull(out, make([]byte, 3))
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
	var exit *resource.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.Code != 5 {
		t.Error(err)
	}
	if err := p.Signal(syscall.SIGUSR1); !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	endTrees(t, &s)
}

// TestDirAndEnv are as with package exec.
func TestDirAndEnv(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	dir := t.TempDir()
	cmd := shell("pwd; echo $PWD; echo $A; echo $0; cat in")
	cmd.Dir, cmd.Env, cmd.Args = dir, append(os.Environ(), "A=1", "A=2"), []string{"zero", "-c", cmd.Args[2]}
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("in\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := start(t, &s, cmd).Wait(); err != nil || out.String() != fmt.Sprintf("%s\n%s\n2\nzero\nin\n", dir, dir) {
		t.Errorf("%v, %q", err, out.String())
	}
	endTrees(t, &s)
}

// TestManyStarts: a hundred at once, and one that is stopped by many.
func TestManyStarts(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			var out bytes.Buffer
			cmd := shell(fmt.Sprintf("echo %d; exit %d", i, i))
			cmd.Stdout = &out
			p, err := resource.Start(&s, cmd)
			if err != nil {
				t.Error(err)
				return
			}
			var exit *resource.ExitError
			err = p.Wait()
			if out.String() != fmt.Sprintln(i) || i > 0 && (!errors.As(err, &exit) || exit.Code != i) {
				t.Errorf("%d: %v, %q", i, err, out.String())
			}
		})
	}
	all.Wait()
	p := start(t, &s, exec.Command("sleep", "3600"))
	for range 10 {
		all.Go(func() {
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	endTrees(t, &s)
}
