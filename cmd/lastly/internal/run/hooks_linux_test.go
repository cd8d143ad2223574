package run_test

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

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestHooks(t *testing.T) {
	t.Parallel()
	const note = `sh -c "echo %s >>log"`
	for status, want := range map[int]string{0: "two\none\n", 7: "failed\ntwo\none\n"} {
		l := prepare(t, "--on-exit", fmt.Sprintf(note, "one"), "--on-exit", fmt.Sprintf(note, "two"), "--on-failure", fmt.Sprintf(note, "failed"),
			"--temp", "--remove", "file", "--remove", "folder", "--report", "report", "--",
			"sh", "-c", fmt.Sprintf(`test -d "$TMPDIR" && echo "$TMPDIR" >temp; touch "$TMPDIR/x" file; mkdir -p folder/in; exit %d`, status))
		l.begin().ends(status, "")
		if got := l.read("log"); got != want {
			t.Errorf("status %d: %q, want %q", status, got, want)
		}
		temp := strings.TrimSpace(l.read("temp"))
		if temp == "" {
			t.Error("no folder for temporary files")
		}
		for _, path := range []string{temp, l.path("file"), l.path("folder")} {
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if !strings.Contains(l.read("report"), `"outcome": "ok"`) {
			t.Errorf("the report: %s", l.read("report"))
		}
	}
}

// TestHooksOfCommandThatDoesNotStart run as well: it failed.
func TestHooksOfCommandThatDoesNotStart(t *testing.T) {
	t.Parallel()
	l := start(t, "--on-failure", `sh -c "echo failed >>log"`, "--", "./none")
	l.ends(127, "")
	if l.read("log") != "failed\n" {
		t.Errorf("%q", l.read("log"))
	}
}

func TestFailedCleanup(t *testing.T) {
	t.Parallel()
	l := start(t, "--on-exit", "false", "--", "true")
	l.ends(125, "")
	l.says("on-exit false")
	start(t, "--on-exit", "false", "--", "sh", "-c", "exit 3").ends(3, "")
}

func TestLock(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--lock", "lock", "--", "sh", "-c", `echo ready >ready; while [ ! -e done ]; do sleep 0.02; done; echo first >>log`)
	l.begin().await("ready")
	second := prepare(t, "--no-wait", "--lock", l.path("lock"), "--", "true")
	second.begin().ends(125, "")
	second.says(fmt.Sprint("held by process ", l.cmd.Process.Pid, " ("))
	third := prepare(t, "--lock", l.path("lock"), "--", "sh", "-c", "echo second >>"+l.path("log"))
	third.begin()
	fatal(t, os.WriteFile(l.path("done"), nil, 0o600))
	l.ends(0, "")
	third.ends(0, "")
	if got := l.read("log"); got != "first\nsecond\n" {
		t.Errorf("%q", got)
	}
}

// TestAdd: what the command registers is undone after its tree's end, whatever ends it.
func TestAdd(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		for _, more := range [][]string{nil, {"--temp"}} {
			l := prepare(t, append(more, "--grace", "60", "--", "sh", "-c", `echo x >>"$HOME/runs"; echo x >file; "$LASTLY" add remove file && (trap 'sleep 0.3; test -e file && echo tree >log; exit' TERM; echo ready >ready; while :; do sleep 0.02; done)`)...)
			l.cmd.Env = append(l.cmd.Env, "HOME="+l.dir) // a guard has another working folder
			l.begin().await("ready")
			if kill {
				fatal(t, l.cmd.Process.Kill())
			} else {
				l.signal(syscall.SIGTERM)
			}
			_ = l.status()
			testproc.Poll(t, "the removal of the file", func() bool { return l.read("file") == "" })
			if l.read("log") != "tree\n" {
				t.Errorf("killed %v, %q: the file was removed before the tree had ended; %s", kill, more, l.err.String())
			}
			if got := l.read("runs"); got != "x\n" {
				t.Errorf("killed %v, %q: the command ran %d times", kill, more, len(got)/2)
			}
		}
	}
}

// TestNoFolder: a run without anything registered needs no folder for journals; but what is inside of it is told why it can register
// nothing.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	for folder, why := range map[string]string{"/proc/none": "no such file", "relative": "no absolute path", os.TempDir(): "only this user"} {
		l := prepare(t, "--", "sh", "-c", `"$LASTLY" add remove x`)
		l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+folder)
		l.begin().ends(3, "")
		l.says("not inside of a run that takes anything: it could make no socket: ")
		l.says(why)
	}
	l := prepare(t, "--", "sh", "-c", `"$LASTLY" add remove x >id; rm -r "$LASTLY_DIR"/run-*`)
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path(strings.Repeat("long", 40)))
	l.begin().ends(0, "")
	l = prepare(t, "--temp", "--", "true")
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR=/proc/none")
	l.begin().ends(125, "")
	l.says("LASTLY_DIR")
}

// TestTempFolder: where root's folder can't be made, as in a container whose root is read-only, the one for temporary files will do.
func TestTempFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root has a folder in /var/lib")
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		testproc.Skip(t, "a mount namespace of its own is not permitted here: "+string(out))
	}
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `echo "$LASTLY_JOURNAL"; touch here; "$LASTLY" add remove here >id`)...)
		l.cmd.Args = append([]string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs -o ro none /var/lib && unset LASTLY_DIR STATE_DIRECTORY XDG_STATE_HOME && exec "$@"`, "sh", l.cmd.Path}, l.cmd.Args[1:]...)
		path, err := exec.LookPath("unshare")
		fatal(t, err)
		l.cmd.Path = path
		l.cmd.Env = append(l.cmd.Env, "TMPDIR="+l.path("temp"))
		l.begin().ends(0, l.path("temp/lastly-0")+"\n")
		if _, err := os.Lstat(l.path("here")); err == nil {
			t.Errorf("%q: it was not removed", mode)
		}
	}
}

// TestEnvironment: the command finds its run.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `test -S "$LASTLY_RUN" && echo "$LASTLY_JOURNAL ${#LASTLY_MARK} $LASTLY_SUPERVISE"`)...)
		folder := l.path("folder")
		l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+folder, "LASTLY_RUN=another")
		l.begin().ends(0, folder+" 32 \n")
	}
}

// TestSocketIsRemoved with the run, whichever way it ran.
func TestSocketIsRemoved(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--", "true"}, {"--", "./none"}, {"--temp", "--", "true"}, {"--", "sh", "-c", `"$LASTLY" add remove x`}} {
		l := prepare(t, args...)
		folder := filepath.Join(l.dir, "new", "folder")
		l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+folder)
		l.begin()
		l.status()
		if left, _ := filepath.Glob(filepath.Join(folder, "run-*")); len(left) > 0 {
			t.Errorf("%q: %q", args, left)
		}
	}
}

// TestCannotTakeOver: the folder for journals can't be used by the time something is to be registered. That fails and says why, the
// run goes on, and when the folder can be used again, it works.
func TestCannotTakeOver(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "sh", "-c", `chmod 777 "$LASTLY_JOURNAL"; "$LASTLY" add remove x || echo failed; chmod 700 "$LASTLY_JOURNAL"; "$LASTLY" add remove x >id && echo added; exit 4`)
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("folder"))
	l.begin().ends(4, "failed\nadded\n")
	l.says("the run refused: ")
	l.says(l.path("folder"))
}

// TestNextRun undoes what a run left of which all processes were killed, before its own command starts.
func TestNextRun(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--remove", "here", "--", "sh", "-c", "exec >/dev/null 2>&1; echo $PPID >inner; echo ready >ready; exec sleep 3600")
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("journals"), "LASTLY_GUARD=off")
	fatal(t, os.WriteFile(l.path("here"), nil, 0o600))
	l.begin().await("ready")
	inner, err := strconv.Atoi(l.await("inner"))
	fatal(t, err)
	l.killBoth(inner)
	_ = l.status()
	if _, err := os.Lstat(l.path("here")); err != nil {
		t.Fatal("somebody has removed it already: ", err)
	}
	next := prepare(t, "--report", "/dev/null", "--", "sh", "-c", "test ! -e "+l.path("here"))
	next.cmd.Env = l.cmd.Env
	next.begin().ends(0, "")
	next.says("")
}

// TestLockTwice: nobody waits for himself, and who waits is told for whom.
func TestLockTwice(t *testing.T) {
	t.Parallel()
	start(t, "--lock", "a", "--lock", "./a", "--", "true").ends(0, "")
	l := start(t, "--lock", "a", "--", "sh", "-c", `"$LASTLY" run --lock a -- true`)
	l.ends(125, "")
	l.says("inside of which this is")
}

// TestLockInterrupted: a signal ends the waiting, also of process 1 of a container.
func TestLockInterrupted(t *testing.T) {
	t.Parallel()
	l := start(t, "--lock", "a", "--", "sh", "-c", "echo ready >ready; while [ ! -e done ]; do sleep 0.02; done")
	l.await("ready")
	for _, first := range []bool{false, true} {
		from, to, err := os.Pipe()
		fatal(t, err)
		second := prepare(t, "--lock", l.path("a"), "--", "true")
		second.cmd.Stderr = to
		if first {
			asFirst(t, second)
		}
		second.begin()
		fatal(t, to.Close())
		text := make([]byte, 4096)
		n, err := from.Read(text)
		fatal(t, err)
		if got, want := string(text[:n]), fmt.Sprint("waiting for --lock ", l.path("a"), ", held by process ", l.cmd.Process.Pid); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		pid := second.cmd.Process.Pid
		if first {
			out, err := exec.Command("pgrep", "-P", itoa(pid)).Output()
			fatal(t, err)
			pid, err = strconv.Atoi(strings.TrimSpace(string(out)))
			fatal(t, err)
		}
		fatal(t, syscall.Kill(pid, syscall.SIGTERM))
		second.ends(143, "")
		_ = from.Close()
	}
	fatal(t, os.WriteFile(l.path("done"), nil, 0o600))
	l.ends(0, "")
}

// TestNobodyReads: neither a report's reader that does not come, nor a full stderr, keeps a run waiting.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--report", "pipe", "--", "true")
	fatal(t, syscall.Mkfifo(l.path("pipe"), 0o600))
	l.begin().ends(125, "")
	l.says("--report pipe: ")

	from, to, err := os.Pipe()
	fatal(t, err)
	for fill := make([]byte, 4096); ; {
		_ = to.SetWriteDeadline(time.Now()) // full when it would wait
		if _, err := to.Write(fill); err != nil {
			break
		}
	}
	l = prepare(t, "--verbose", "--on-exit", "touch undone", "--", "sh", "-c", "trap 'echo got; exit 3' TERM; echo ready >ready; while :; do sleep 0.02; done")
	l.cmd.Stderr = to
	l.begin().await("ready")
	l.signal(syscall.SIGTERM)
	l.ends(3, "got\n")
	if _, err := os.Lstat(l.path("undone")); err != nil {
		t.Error(err)
	}
	_ = from.Close()
	_ = to.Close()
}

// TestToldFailures: a hook that failed is told by its name, with why, and nothing of lastly's insides.
func TestToldFailures(t *testing.T) {
	t.Parallel()
	l := start(t, "--on-exit", "sh -c 'echo no such engine >&2; exit 4'", "--on-exit", "false", "--", "true")
	l.ends(125, "")
	for _, want := range []string{"lastly: run: on-exit sh: run ", `"no such engine"`, "lastly: run: on-exit false: run "} {
		l.says(want)
	}
	if strings.Contains(l.err.String(), ".go:") || strings.Count(l.err.String(), "lastly:") != 2 {
		t.Errorf("%s", l.err.String())
	}
}

// TestQuiet: what goes wrong is told all the same, if it is a failure.
func TestQuiet(t *testing.T) {
	t.Parallel()
	for flag, says := range map[string]string{"--quiet": "", "--temp": "has ended (SIGKILL)"} {
		l := start(t, flag, "--", "sh", "-c", `exec >/dev/null 2>&1; trap 'kill -KILL $PPID' USR1; echo ready >ready; while :; do sleep 0.02; done`)
		l.await("ready")
		l.signal(syscall.SIGUSR1) // passed on, and so lastly knows that the command runs
		l.ends(143, "")
		l.says(says)
	}
	l := start(t, "--quiet", "--on-exit", "false", "--", "true")
	l.ends(125, "")
	l.says("on-exit false")
}

// TestSocketGoes: a killed run's socket goes with what else it left, or with the next run.
func TestSocketGoes(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--temp", "--", "sh", "-c", "exec >/dev/null 2>&1; echo ready >ready; exec sleep 3600")
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("journals"))
	l.begin().await("ready")
	fatal(t, l.cmd.Process.Kill())
	_ = l.status()
	sockets := func() []string {
		found, _ := filepath.Glob(l.path("journals/run-*"))
		return found
	}
	testproc.Poll(t, "the guard", func() bool { return len(sockets()) == 0 })
	plain := prepare(t, "--", "sh", "-c", "exec >/dev/null 2>&1; echo ready >ready; exec sleep 3600")
	plain.cmd.Env = l.cmd.Env
	plain.begin().await("ready")
	fatal(t, plain.cmd.Process.Kill())
	_ = plain.status()
	if n := len(sockets()); n != 1 {
		t.Errorf("%d sockets, want the killed one's", n)
	}
	testproc.Poll(t, "the end of the plain run's tree", func() bool { // until then the socket is not anybody's to remove
		next := prepare(t, "--temp", "--", "true")
		next.cmd.Env = l.cmd.Env
		next.begin().ends(0, "")
		return len(sockets()) == 0
	})
}

// TestFullDisk: who adds something when there is no room is told so, and may try again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "sh", "-c", `mkdir here; head -c 100000 /dev/zero >"$LASTLY_DIR/fill" 2>/dev/null; "$LASTLY" add remove here 2>err; echo "status $?"; rm "$LASTLY_DIR/fill"; "$LASTLY" add remove here >id; echo "status $?"`)
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		testproc.Skip(t, "a mount namespace of its own is not permitted here: "+string(out))
	}
	fatal(t, os.Mkdir(l.path("small"), 0o700))
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("small/journals"))
	l.cmd.Args = append([]string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs -o size=64k,mode=700 none small && mkdir -m 700 small/journals && exec "$@"`, "sh", l.cmd.Path}, l.cmd.Args[1:]...)
	path, err := exec.LookPath("unshare")
	fatal(t, err)
	l.cmd.Path = path
	l.begin().ends(0, "status 1\nstatus 0\n")
	if got := l.read("err"); !strings.Contains(got, "no space left") {
		t.Errorf("%q", got)
	}
	if _, err := os.Lstat(l.path("here")); err == nil {
		t.Error("it was not removed")
	}
}
