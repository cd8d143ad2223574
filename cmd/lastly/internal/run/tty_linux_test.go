package run_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/lastly-go/lastly/internal/testproc"
)

// A terminal is a pseudo terminal, from the side of whoever types.
type terminal struct {
	t    *testing.T
	keys *os.File
	mu   sync.Mutex // guards what follows
	text strings.Builder
}

// open makes l's command the leader of a session on a new terminal.
func open(t *testing.T, l *lastly) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		testproc.Skip(t, "no pseudo terminals here: "+err.Error())
	}
	var locked, number int32
	ioctl(t, keys, syscall.TIOCSPTLCK, &locked)
	ioctl(t, keys, syscall.TIOCGPTN, &number)
	screen, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	fatal(t, err)
	l.cmd.Stdin, l.cmd.Stdout, l.cmd.Stderr = screen, screen, screen
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	l.begin()
	fatal(t, screen.Close())
	c := &terminal{t: t, keys: keys}
	go c.read() // ends with the terminal
	t.Cleanup(func() { _ = keys.Close() })
	return c
}

func ioctl(t *testing.T, f *os.File, request uintptr, value *int32) {
	t.Helper()
	conn, err := f.SyscallConn() // Fd would make Close wait for a Read
	fatal(t, err)
	var errno syscall.Errno
	fatal(t, conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(value)))
	}))
	if errno != 0 {
		testproc.Skip(t, "no pseudo terminals here: "+errno.Error())
	}
}

func (c *terminal) read() {
	buffer := make([]byte, 1024)
	for {
		n, err := c.keys.Read(buffer)
		c.mu.Lock()
		c.text.Write(buffer[:n])
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *terminal) shows(text string) {
	c.t.Helper()
	testproc.Poll(c.t, "the terminal shows "+text, func() bool { return strings.Contains(c.screen(), text) })
}

func (c *terminal) screen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

func (c *terminal) press(keys string) {
	c.t.Helper()
	_, err := c.keys.WriteString(keys)
	fatal(c.t, err)
}

// modes are the ways to run: plain, with something registered, and without an inner process.
var modes = []string{"", "--report /dev/null", "--let-go"}

// TestTerminalInput: the command reads from the terminal, whose foreground is its process group.
func TestTerminalInput(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `stty size; echo ready; read x; echo "got $x" >&2`)...)
		c := open(t, l)
		c.shows("ready")
		c.press("hello\n")
		c.shows("got hello")
		l.ends(0, "")
	}
}

// hears waits until lastly knows that its command runs: a key pressed before that may reach it twice. It ignores SIGTTOU from then on.
func (l *lastly) hears() {
	l.t.Helper()
	const ttou = 1 << (syscall.SIGTTOU - 1)
	testproc.Poll(l.t, "lastly to know of its command", func() bool {
		status, _ := os.ReadFile("/proc/" + itoa(l.cmd.Process.Pid) + "/status")
		_, rest, _ := strings.Cut(string(status), "\nSigIgn:\t")
		mask, _, _ := strings.Cut(rest, "\n")
		bits, err := strconv.ParseUint(mask, 16, 64)
		return err == nil && bits&ttou != 0
	})
}

// TestTerminalSignals: Ctrl-C reaches the command once, and not a second time through lastly.
func TestTerminalSignals(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `exec "$LASTLY" count`)...)
		c := open(t, l)
		c.shows("ready")
		l.hears()
		c.press("\x03")
		c.shows("n is 1")
		l.ends(0, "")
	}
}

// TestSentOnTerminal: on a terminal as well, what somebody sends to lastly alone is passed on.
func TestSentOnTerminal(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "bash", "-c", `trap 'echo "got it"; exit 3' INT; echo ready; while :; do sleep 0.02; done`)
	c := open(t, l)
	c.shows("ready")
	l.signal(syscall.SIGINT)
	c.shows("got it")
	l.ends(3, "")
}

// TestJobControl: Ctrl-Z stops lastly with its command, so that the shell goes on; fg lets both go on. The same when the command
// stops itself.
func TestJobControl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		testproc.Skip(t, err.Error())
	}
	for _, mode := range modes {
		for name, stop := range map[string]string{"key": "", "itself": "kill -STOP $$; "} {
			t.Run(name+mode, func(t *testing.T) {
				t.Parallel()
				l := prepare(t)
				script := fmt.Sprintf(`set -m; "$LASTLY" run %s -- sh -c '%s echo ready; read x; echo "got $x"'; echo "status $?"; fg >/dev/null; echo "end $?"`, mode, stop)
				l.cmd.Path, l.cmd.Args = "/bin/bash", []string{"bash", "-c", script}
				c := open(t, l)
				if stop == "" {
					c.shows("ready")
					c.press("\x1a")
				}
				c.shows("status 1")
				if !strings.Contains(c.screen(), "status 14") {
					t.Errorf("%q", c.screen())
				}
				c.shows("ready")
				c.press("hello\n")
				c.shows("got hello")
				c.shows("end 0")
				l.ends(0, "")
			})
		}
	}
}

// TestPipeline: in a pipeline on a terminal the other commands keep the terminal.
func TestPipeline(t *testing.T) {
	t.Parallel()
	l := prepare(t)
	l.cmd.Path, l.cmd.Args = "/bin/bash", []string{"bash", "-c", `set -m; "$LASTLY" run -- echo piped | (read x; read y </dev/tty; echo "$x $y")`}
	c := open(t, l)
	c.press("typed\n")
	c.shows("piped typed")
	l.ends(0, "")
}

// TestHangUp: when the terminal is gone, so is the tree.
func TestHangUp(t *testing.T) {
	t.Parallel()
	sleep := made(t)
	l := prepare(t, "--", "sh", "-c", "setsid sleep "+sleep+" & echo ready; wait")
	c := open(t, l)
	c.shows("ready")
	fatal(t, c.keys.Close())
	if status := l.status(); status != 129 {
		t.Errorf("status %d", status)
	}
	gone(t, sleep)
}

// TestStoppedTimeout: the time limit holds while the command is stopped, and lastly with it.
func TestStoppedTimeout(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--timeout", "0.3", "--", "sh", "-c", "kill -STOP $$; echo goes on")...)
		c := open(t, l)
		l.ends(124, "")
		if strings.Contains(c.screen(), "goes on") {
			t.Errorf("%q", c.screen())
		}
	}
}

// TestContinuedByOthers: a command that others stop and continue takes lastly along both times, however quickly.
func TestContinuedByOthers(t *testing.T) {
	t.Parallel()
	for _, pause := range []string{"0.2", "0"} {
		l := prepare(t, "--", "sh", "-c", `(for i in 1 2 3 4 5; do kill -STOP $$; sleep `+pause+`; kill -CONT $$; done; echo done >done) & while [ ! -s done ]; do sleep 0.02; done; echo ready; read x; exit 4`)
		c := open(t, l)
		c.shows("ready")
		testproc.Poll(t, "lastly to go on", func() bool {
			stat, err := os.ReadFile("/proc/" + itoa(l.cmd.Process.Pid) + "/stat")
			return err == nil && !strings.Contains(string(stat), ") T ")
		})
		c.press("x\n")
		l.ends(4, "")
	}
}

// TestStoppedWriter: on a terminal that stops who writes in the background lastly says what it has to say, once.
func TestStoppedWriter(t *testing.T) {
	t.Parallel()
	l := prepare(t)
	l.cmd.Path, l.cmd.Args = "/bin/bash", []string{"bash", "-c", `set -m; stty tostop; "$LASTLY" run -- /no/such/program & wait $!; echo "status $?"`}
	c := open(t, l)
	c.shows("status 127")
	if n := strings.Count(c.screen(), "no such file"); n != 1 {
		t.Errorf("%q", c.screen())
	}
	l.ends(0, "")
}

// TestKilledWhileStopped: the end of a stopped command wakes lastly, which has stopped with it.
func TestKilledWhileStopped(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		testproc.Skip(t, err.Error())
	}
	for _, mode := range []string{"", "--report /dev/null"} {
		l := prepare(t)
		script := fmt.Sprintf(`set -m; "$LASTLY" run %s -- sh -c '(kill -STOP $$; sleep 0.3; kill -KILL $$) & sleep 3600'; echo "status $?"; while kill -0 %%1; do sleep 0.05; done; echo gone`, mode)
		l.cmd.Path, l.cmd.Args = "/bin/bash", []string{"bash", "-c", script}
		c := open(t, l)
		c.shows("status 147")
		c.shows("gone")
		l.ends(0, "")
	}
}

// TestEarlyKeys: Ctrl-C and Ctrl-\ end the command, or lastly before it has one, however early they are pressed.
func TestEarlyKeys(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		for key, sig := range map[string]int{"\x03": 2, "\x1c": 3} {
			for i := range 12 {
				l := prepare(t, append(strings.Fields(mode), "--", "sleep", "3600")...)
				c := open(t, l)
				testproc.Linger(time.Duration(i) * time.Millisecond)
				c.press(key)
				status := l.status()
				if early := sig == 3 && status == 2; status != 128+sig && status != 1000+sig && !early { // the Go runtime's own way
					t.Errorf("%q, %d ms: status %d, %.200q", mode, i, status, c.screen())
				}
			}
		}
	}
}
