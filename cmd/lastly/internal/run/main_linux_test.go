package run_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
	"github.com/lastly-go/lastly/cmd/lastly/internal/run"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestMain makes the test binary lastly itself, when it is called like that.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "run":
		os.Exit(run.Main(os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == "count":
		countInterrupts()
		os.Exit(0)
	case len(os.Args) > 2 && os.Args[1] == "become-root":
		becomeRoot(os.Args[2])
		os.Exit(0)
	case len(os.Args) > 1 && (os.Args[1] == "add" || os.Args[1] == "sweep"):
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(testproc.OwnFolder(func() int { return testproc.Main(m, testproc.Victims{}) }))
}

// countInterrupts says how many SIGINT came until none did for a while.
func countInterrupts() {
	came := make(chan os.Signal, 10)
	signal.Notify(came, os.Interrupt)
	fmt.Println("ready")
	<-came
	for n := 1; ; n++ {
		select {
		case <-came:
		case <-time.After(300 * time.Millisecond):
			fmt.Println("n is", n)
			return
		}
	}
}

// A lastly is one `lastly run`.
type lastly struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err bytes.Buffer
	dir      string // the working folder
}

// prepare makes `lastly run` with the arguments, in a folder of its own. In its scripts $LASTLY is lastly.
func prepare(t *testing.T, args ...string) *lastly {
	t.Helper()
	self, err := os.Executable()
	fatal(t, err)
	l := &lastly{t: t, dir: t.TempDir()}
	l.cmd = exec.Command(self, append([]string{"run"}, args...)...)
	l.cmd.Dir = l.dir
	l.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "LC_ALL=C", "LASTLY="+self) // Perl writes to stderr about a locale that is not there
	l.cmd.Stdout, l.cmd.Stderr = &l.out, &l.err
	l.cmd.WaitDelay = testproc.Limit
	return l
}

// begin starts what was prepared. It does not outlive the test.
func (l *lastly) begin() *lastly {
	l.t.Helper()
	fatal(l.t, l.cmd.Start())
	l.t.Cleanup(func() {
		if l.cmd.ProcessState == nil {
			_ = l.cmd.Process.Kill()
			_ = l.cmd.Wait()
		}
	})
	return l
}

func start(t *testing.T, args ...string) *lastly {
	t.Helper()
	return prepare(t, args...).begin()
}

// status waits, and returns the exit status as a shell has it.
func (l *lastly) status() int {
	l.t.Helper()
	timer := time.AfterFunc(testproc.Limit, func() { _ = l.cmd.Process.Kill() })
	defer timer.Stop()
	err := l.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return 1000 + int(status.Signal()) // lastly itself died by it
		}
		return exit.ExitCode()
	}
	fatal(l.t, err)
	return 0
}

// ends waits for the end, and checks the exit status and what was written to stdout.
func (l *lastly) ends(status int, out string) {
	l.t.Helper()
	if got := l.status(); got != status || l.out.String() != out {
		l.t.Errorf("%q: status %d, want %d; stdout %q, want %q; stderr %q", l.cmd.Args[1:], got, status, l.out.String(), out, l.err.String())
	}
}

// says checks stderr.
func (l *lastly) says(text string) {
	l.t.Helper()
	if !strings.Contains(l.err.String(), text) || text == "" && l.err.Len() > 0 {
		l.t.Errorf("%q: stderr %q, want %q", l.cmd.Args[1:], l.err.String(), text)
	}
}

func (l *lastly) path(name string) string { return filepath.Join(l.dir, name) }

// program writes one into the working folder. Nothing is started meanwhile: it would have the file open for writing until it has
// executed its own, and who executes this one would get "text file busy".
func (l *lastly) program(name string, text []byte, mode os.FileMode) (path string) {
	l.t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	path = l.path(name)
	fatal(l.t, os.WriteFile(path, text, 0o700))
	fatal(l.t, os.Chmod(path, mode))
	return path
}

// await waits for a file in the working folder, and returns what is in it.
func (l *lastly) await(name string) string {
	l.t.Helper()
	testproc.Poll(l.t, name+" of "+strings.Join(l.cmd.Args[1:], " "), func() bool {
		text, err := os.ReadFile(l.path(name))
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	return strings.TrimSpace(l.read(name))
}

func (l *lastly) read(name string) string {
	text, err := os.ReadFile(l.path(name))
	if err != nil {
		return ""
	}
	return string(text)
}

func (l *lastly) signal(sig syscall.Signal) {
	l.t.Helper()
	fatal(l.t, l.cmd.Process.Signal(sig))
}

// killBoth kills both of lastly's processes, so that neither notices the other's death. It is the outer one that is stopped: the inner
// one the kernel would continue when its parent dies (an orphaned process group).
func (l *lastly) killBoth(inner int) {
	l.t.Helper()
	l.signal(syscall.SIGSTOP)
	fatal(l.t, syscall.Kill(inner, syscall.SIGKILL))
	fatal(l.t, l.cmd.Process.Kill())
}

// lives reports whether a process with this argument runs: one that is made up, so that nobody else has it.
func lives(argument string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for word := range strings.SplitSeq(string(text), "\x00") {
			if word == argument {
				return true
			}
		}
	}
	return false
}

// made makes up a time to sleep that nobody else sleeps.
func made(t *testing.T) string {
	t.Helper()
	name := filepath.Base(filepath.Dir(t.TempDir())) + t.Name()
	n := 0
	for _, c := range name {
		n = (n*31 + int(c)) % 1e9
	}
	return "9" + strings.Repeat("0", 3) + "." + itoa(os.Getpid()) + itoa(n)
}

func itoa(n int) string {
	text := ""
	for ; n > 0 || text == ""; n /= 10 {
		text = string(rune('0'+n%10)) + text
	}
	return text
}

func gone(t *testing.T, argument string) {
	t.Helper()
	testproc.Poll(t, "the end of sleep "+argument, func() bool { return !lives(argument) })
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
