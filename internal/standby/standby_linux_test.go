package standby

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/testproc"
)

// tellDuty makes the test binary say what its Due is, in the place of the tests.
const tellDuty = "LASTLY_TEST_TELL_DUTY"

func TestMain(m *testing.M) {
	if os.Getenv(tellDuty) == "" {
		os.Exit(m.Run())
	}
	_, still := os.LookupEnv(Variable)
	if Due == nil {
		fmt.Printf("no guard, variable: %v\n", still)
		return
	}
	fmt.Printf("status %d %v, execed %v, locks %d, limit %d, variable: %v\n", Due.Status, Due.StatusKnown, Due.Execed, len(Due.Locks), Due.LimitMS, still)
}

// A waiting is a guard that the test started, for an owner that is no Go program.
type waiting struct {
	t      *testing.T
	cmd    *exec.Cmd
	owner  *exec.Cmd
	socket *os.File
	out    string // the file that it writes to
}

// startWaiting starts an owner, which runs the command, and its guard.
func startWaiting(t *testing.T, journalPath string, owner ...string) *waiting {
	t.Helper()
	w := &waiting{t: t, owner: exec.Command(owner[0], owner[1:]...), out: filepath.Join(t.TempDir(), "out")}
	fatal(t, w.owner.Start())
	was := image{}
	testproc.Poll(t, "an owner that has come as far as its program", func() bool {
		before := was
		was = imageOf(w.owner.Process.Pid)
		return was == before && was.stack != 0
	})
	t.Cleanup(func() { _ = w.owner.Process.Kill(); _ = w.owner.Wait() })
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	fatal(t, err)
	w.socket = os.NewFile(uintptr(fds[0]), "ours")
	theirs := os.NewFile(uintptr(fds[1]), "theirs")
	pidfd, err := PidfdOf(w.owner.Process.Pid)
	fatal(t, err)
	self := os.NewFile(uintptr(pidfd), "pidfd")
	w.cmd = exec.Command(os.Args[0])
	w.cmd.ExtraFiles = []*os.File{theirs, self}
	w.cmd.Env = append(os.Environ(), tellDuty+"=1", "GORACE=atexit_sleep_ms=0", Environment(w.owner.Process.Pid, 1234, journalPath))
	out, err := os.Create(w.out)
	fatal(t, err)
	w.cmd.Stdout, w.cmd.Stderr = out, out
	fatal(t, w.cmd.Start())
	_, _, _ = theirs.Close(), self.Close(), out.Close()
	t.Cleanup(func() { _ = w.cmd.Process.Kill(); _ = w.cmd.Wait(); _ = w.socket.Close() })
	testproc.Poll(t, "a guard that waits", func() bool {
		call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", w.cmd.Process.Pid))
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", w.cmd.Process.Pid))
		return strings.HasPrefix(string(call), strconv.Itoa(syscall.SYS_PPOLL)+" ") && string(name) == Name+"\n"
	})
	return w
}

func (w *waiting) send(text []byte, fds ...int) {
	w.t.Helper()
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	fatal(w.t, syscall.Sendmsg(int(w.socket.Fd()), text, rights, nil, 0))
}

func (w *waiting) ends(want string) {
	w.t.Helper()
	if err := w.cmd.Wait(); err != nil || w.wrote() != want {
		w.t.Errorf("the guard ended with %v and wrote %q, want %q", err, w.wrote(), want)
	}
}

func (w *waiting) wrote() string {
	text, _ := os.ReadFile(w.out)
	return string(text)
}

// withRecord makes a journal in which something is left.
func withRecord(t *testing.T) string {
	t.Helper()
	j := newJournal(t)
	add(t, j, 10)
	fatal(t, j.Close())
	return j.Path()
}

func TestWaitsForDeath(t *testing.T) {
	t.Parallel()
	for what, status := range map[string]string{"exit 3": "768", "kill -9 $$": "9"} {
		gate := filepath.Join(t.TempDir(), "gate")
		fatal(t, syscall.Mkfifo(gate, 0o600))
		w := startWaiting(t, withRecord(t), "sh", "-c", "read x <"+gate+"; "+what)
		lock, err := os.Open(os.DevNull)
		fatal(t, err)
		for key := range byte(3) {
			w.send([]byte{Lock, key, 0, 0, 0, 0, 0, 0, 0}, int(lock.Fd()))
		}
		w.send([]byte{Unlock, 1, 0, 0, 0, 0, 0, 0, 0})
		w.send([]byte("nonsense that is longer than any message"), int(lock.Fd()))
		w.send([]byte{Lock, 9}) // without a descriptor
		w.send([]byte{Unlock, 77, 0, 0, 0, 0, 0, 0, 0})
		fatal(t, lock.Close())
		fatal(t, os.WriteFile(gate, []byte("\n"), 0))
		_ = w.owner.Wait()
		w.ends("status " + status + " true, execed false, locks 2, limit 1234, variable: false\n")
	}
}

func TestIgnoresSignals(t *testing.T) {
	t.Parallel()
	w := startWaiting(t, withRecord(t), "sleep", "100")
	for _, sig := range ignored {
		fatal(t, w.cmd.Process.Signal(sig))
	}
	fatal(t, w.owner.Process.Kill())
	_ = w.owner.Wait()
	w.ends("status 9 true, execed false, locks 0, limit 1234, variable: false\n")
}

func TestNothingIsRunWhenNothingIsLeft(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	w := startWaiting(t, j.Path(), "sleep", "100")
	fatal(t, w.owner.Process.Kill())
	w.ends("")
	if exists(j.Path()) {
		t.Error("the empty journal is still there")
	}
}

func TestBye(t *testing.T) {
	t.Parallel()
	path := withRecord(t)
	w := startWaiting(t, path, "sleep", "100")
	w.send([]byte{Bye})
	w.ends("")
	if !exists(path) {
		t.Error("the journal is gone")
	}
}

func TestSeesExec(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	fatal(t, syscall.Mkfifo(gate, 0o600))
	w := startWaiting(t, withRecord(t), "sh", "-c", "read x <"+gate+"; exec sleep 100")
	fatal(t, os.WriteFile(gate, []byte("\n"), 0))
	testproc.Poll(t, "another program", func() bool {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", w.owner.Process.Pid))
		return string(name) == "sleep\n"
	})
	fatal(t, w.socket.Close())
	w.ends("status 0 false, execed true, locks 0, limit 1234, variable: false\n")
}

// TestClosedSocketIsNoDeath: the owner closed all its descriptors, and lives.
func TestClosedSocketIsNoDeath(t *testing.T) {
	t.Parallel()
	w := startWaiting(t, withRecord(t), "sleep", "100")
	fatal(t, w.socket.Close())
	testproc.Linger(100 * time.Millisecond)
	if w.wrote() != "" || syscall.Kill(w.cmd.Process.Pid, 0) != nil {
		t.Fatalf("the guard did not wait on: %q", w.wrote())
	}
	fatal(t, w.owner.Process.Kill())
	_ = w.owner.Wait()
	w.ends("status 9 true, execed false, locks 0, limit 1234, variable: false\n")
}

// TestStrayVariable: a variable that leaked from somewhere makes no guard of a program, and is taken away.
func TestStrayVariable(t *testing.T) {
	t.Parallel()
	good := strings.TrimPrefix(Environment(os.Getpid(), 1, "/x"+journal.Suffix), Variable+"=")
	for _, value := range []string{"", "1", "x", "0 0 0 0 /x", "-1 1 1 1 /x", "1 1", "99999999999999999999 1 1 1 /x", good} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), tellDuty+"=1", "GORACE=atexit_sleep_ms=0", Variable+"="+value)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "no guard, variable: false\n" {
			t.Errorf("%q: %v, %q", value, err, out)
		}
	}
}
