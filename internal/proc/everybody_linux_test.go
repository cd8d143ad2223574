package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

var chainVictims = testproc.Victims{
	"chain": func([]string) { // starts the next one when it is told to, and exits
		next := commands()
		testproc.Say("link %d", os.Getpid())
		if next() != "next" {
			return
		}
		self, _ := os.Executable()
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "LASTLY_TESTPROC_VICTIM=chain")
		cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
		if err := cmd.Start(); err != nil {
			testproc.Say("%v", err)
		}
	},
	"executes": func(args []string) { // itself, again and again
		if len(args[0]) == 50 {
			testproc.Say("hangs")
			<-time.After(time.Hour)
		}
		self, _ := os.Executable()
		testproc.Say("%v", syscall.Exec(self, []string{self, args[0] + "x"}, append(os.Environ(), "LASTLY_TESTPROC_VICTIM=executes")))
	},
}

// A chain is a process that has moved on, whenever somebody looks.
type chain struct {
	t   *testing.T
	in  *os.File
	out *bufio.Reader
	now int
}

func newChain(t *testing.T, env ...string) *chain {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	v := talk(t, testproc.Spec{Victim: "chain", Env: env, Stdout: w})
	_ = w.Close()
	c := &chain{t: t, in: v.in, out: bufio.NewReader(r)}
	c.now = c.link()
	return c
}

// link reads which process it is now.
func (c *chain) link() (pid int) {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if _, scan := fmt.Sscanf(line, "link %d\n", &pid); err != nil || scan != nil {
		c.t.Fatalf("%q, %v", line, err)
	}
	return pid
}

// move has the process replaced by its child.
func (c *chain) move() {
	c.t.Helper()
	before := hold(c.t, of(c.t, c.now))
	_, _ = fmt.Fprintln(c.in, "next")
	c.now = c.link()
	if err := before.Wait(c.t.Context()); err != nil {
		c.t.Error(err)
	}
}

// TestNobodySlipsThrough: each time that somebody looks at a process, that has just started its successor and exited.
func TestNobodySlipsThrough(t *testing.T) {
	t.Parallel()
	moves := 5
	if _, counted := lastNumber(); !counted {
		moves = 1
	}
	m := mark{variable: variable, value: fmt.Sprintf("chain-%d", os.Getpid()), buf: make([]byte, 10)}
	c := newChain(t, m.variable+"="+m.value)
	var found []int
	err := everybody(func(pid int) error {
		if pid == c.now && moves > 0 {
			moves--
			c.move()
		}
		if p, err := m.hold(pid); err == nil { // else nobody, or one of its threads
			found = append(found, pid)
			_ = p.Close()
		}
		return nil
	})
	if err != nil || moves > 0 || !slices.Equal(slices.Compact(found), []int{c.now}) {
		t.Errorf("found %v, %v, want %d; %d moves are left", found, err, c.now, moves)
	}
}

// TestMarkedWhileItExecutes: between two programs a process has no environment, but it is marked.
func TestMarkedWhileItExecutes(t *testing.T) {
	t.Parallel()
	value := fmt.Sprintf("executes-%d", os.Getpid())
	victim := testproc.Spec{Victim: "executes", Args: []string{"x"}, Env: []string{variable + "=" + value}}.Start(t)
	testproc.Poll(t, "it to bear its mark", func() bool { // the start of it is not what is looked at here
		found, err := Marked(variable, value)
		return len(found) > 0 || err != nil || victim.Gone()
	})
	n := 0
	for ; !testproc.HasLine(victim.Output(), "hangs"); n++ {
		found, err := Marked(variable, value)
		if err != nil || len(found) != 1 || found[0].Pid != victim.Pid() {
			t.Fatalf("look %d: %v, %v, want %d", n, found, err, victim.Pid())
		}
	}
	t.Logf("found %d times", n)
}

// TestMarkedWithoutMainThread: a process whose main thread has ended has its environment all the same.
func TestMarkedWithoutMainThread(t *testing.T) {
	t.Parallel()
	value := fmt.Sprintf("headless-%d", os.Getpid())
	victim := testproc.Spec{Victim: "headless", Env: []string{variable + "=" + value}}.Start(t)
	testproc.Poll(t, "the main thread to end", func() bool {
		fields, err := readStat(fmt.Sprintf("/proc/%d", victim.Pid()))
		return err == nil && fields[statState] == "Z"
	})
	found, err := Marked(variable, value)
	if err != nil || len(found) != 1 || found[0].Pid != victim.Pid() {
		t.Errorf("%v, %v, want %d", found, err, victim.Pid())
	}
	victim.Signal(os.Kill)
	victim.Wait()
}

// TestNoEnvironment: who has none for good is not waited for.
func TestNoEnvironment(t *testing.T) {
	t.Parallel()
	victim := testproc.Spec{Victim: "hang", Wrap: []string{"sh", "-c", `exec env -i sleep 1000`}}.Start(t)
	testproc.Poll(t, "sleep", func() bool {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", victim.Pid()))
		return strings.TrimSpace(string(comm)) == "sleep"
	})
	m := mark{buf: make([]byte, 10)}
	fields, err := readStat(fmt.Sprintf("/proc/%d", victim.Pid()))
	if text := m.environ(fmt.Sprintf("/proc/%d", victim.Pid())); len(text) > 0 || err != nil || fields[statEnvStart] != fields[statEnvEnd] {
		t.Errorf("%q, %v", text, err)
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	if numbers, err := between(5, 8); err != nil || !slices.Equal(numbers, []int{6, 7, 8}) {
		t.Errorf("%v, %v", numbers, err)
	}
	for _, last := range []int{0, 1<<22 + 10} { // too many, and they have come round
		numbers, err := between(last, maxFresh+1)
		if err != nil || !slices.Contains(numbers, os.Getpid()) {
			t.Errorf("%v, %v: not all", numbers, err)
		}
	}
}
