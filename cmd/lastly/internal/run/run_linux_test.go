package run_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

func TestExitStatuses(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 42, 123, 124, 125, 126, 127, 128, 130, 137, 143, 200, 254, 255} {
		for _, mode := range modes {
			start(t, append(strings.Fields(mode), "--", "sh", "-c", fmt.Sprint("exit ", n))...).ends(n, "")
		}
	}
	for _, sig := range []int{1, 2, 3, 6, 9, 11, 13, 15, 34, 64} {
		for _, mode := range modes {
			start(t, append(strings.Fields(mode), "--", "sh", "-c", fmt.Sprintf("ulimit -c 0; kill -%d $$", sig))...).ends(128+sig, "")
		}
	}
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "./plain")
	fatal(t, os.WriteFile(l.path("plain"), []byte("echo hi\n"), 0o600))
	l.begin().ends(126, "")
	l.says("chmod +x")
	l = prepare(t, "--", "./script", "a")
	l.program("script", []byte("echo hi $1\n"), 0o700)
	l.begin().ends(0, "hi a\n") // as execvp(3) does
	l = prepare(t, "--", "./interpreted")
	l.program("interpreted", []byte("#!/there/is/none\n"), 0o700)
	l.begin().ends(127, "")
	l.says("#!")
	for _, c := range []struct {
		word   string
		status int
		says   string
	}{
		{"there-is-no-such-command", 127, "PATH"},
		{"./none", 127, "no such file"},
		{"/etc/passwd/x", 127, "no such file"},
		{"/", 126, "permission denied"},
	} {
		for _, mode := range modes {
			l := start(t, append(strings.Fields(mode), "--", c.word)...)
			l.ends(c.status, "")
			l.says(c.says)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"there is no command":    {},
		"unknown flag --nothing": {"--nothing", "--", "true"},
		"needs a value":          {"--timeout"},
		"no duration":            {"--timeout", "soon", "true"},
		"can't be negative":      {"--grace=-1s", "true"},
		"takes no value":         {"--temp=x", "true"},
		"no two signals":         {"--signal-rewrite", "TERM", "true"},
		"--no-wait without":      {"--no-wait", "--", "true"},
		"no end":                 {"--on-exit", "'a", "--", "true"},
		"no command":             {"--on-exit", " ", "--", "true"},
		"not UTF-8":              {"--on-exit", "touch \xff", "--", "true"},
		"--report : it is empty": {"--report", "", "--", "true"},
		"--remove /: ":           {"--remove", "/", "--", "true"},
		"--on-failure ./none: command: exec: \"./none\": stat ./none: no such file or directory; name a program": {"--on-failure", "./none", "--", "true"},
	} {
		l := start(t, args...)
		l.ends(125, "")
		l.says(says)
	}
	l := start(t, "--help")
	if l.status() != 0 || !strings.Contains(l.out.String(), "--let-go") {
		t.Errorf("%q", l.out.String())
	}
	start(t, "echo", "--", "-x").ends(0, "-- -x\n") // -- is not needed before a command
	start(t, "-t", "90s", "-k=1", "--", "echo", "a").ends(0, "a\n")
}

// TestStreams: what the command reads and writes is its own. Lastly reads nothing.
func TestStreams(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "sh", "-c", "head -c 3; echo; cat >&2")
	l.cmd.Stdin = strings.NewReader("onetwo")
	l.begin().ends(0, "one\n")
	l.says("two")
	l = prepare(t, "--", "sh", "-c", "exit 0")
	read, write, err := os.Pipe()
	fatal(t, err)
	_, err = write.WriteString("unread")
	fatal(t, err)
	fatal(t, write.Close())
	l.cmd.Stdin = read
	l.begin().ends(0, "")
	text := make([]byte, 10)
	if n, _ := read.Read(text); string(text[:n]) != "unread" {
		t.Errorf("of stdin %q is left", text[:n])
	}
	fatal(t, read.Close())
}

// TestSurroundings: the command finds the working folder, umask, arguments, limits and open files that lastly was given.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `pwd; umask; echo "$0" "$1"; ulimit -n; cat <&5; ls /proc/self/fd | wc -l; echo "$X"`, "a  b", "")...)
		l.cmd.Env = append(l.cmd.Env, "X=x=y")
		file := l.path("file")
		fatal(t, os.WriteFile(file, []byte("of file 5\n"), 0o600))
		f, err := os.Open(file)
		fatal(t, err)
		l.cmd.ExtraFiles = []*os.File{nil, nil, f}
		direct := exec.Command("sh", l.cmd.Args[len(l.cmd.Args)-4:]...)
		direct.Dir, direct.Env, direct.ExtraFiles = l.cmd.Dir, l.cmd.Env, l.cmd.ExtraFiles
		want, err := direct.Output()
		fatal(t, err)
		_, err = f.Seek(0, 0)
		fatal(t, err)
		l.begin().ends(0, string(want))
		fatal(t, f.Close())
	}
}

// TestForwards: what is sent to lastly arrives at the command.
func TestForwards(t *testing.T) {
	t.Parallel()
	const script = `trap 'echo got; exit 3' %d; echo ready >ready; while :; do sleep 0.02; done`
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGPROF, 32, 33, // of the kernel, the runtime, C libraries
			syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS: // that shells do not trap
			continue
		}
		if sig > 36 && sig < 63 {
			continue // as their neighbours
		}
		for _, mode := range modes {
			t.Run(fmt.Sprint(int(sig), mode), func(t *testing.T) {
				t.Parallel()
				l := start(t, append(strings.Fields(mode), "--", "bash", "-c", fmt.Sprintf(script, int(sig)))...)
				l.await("ready")
				l.signal(sig)
				l.ends(3, "got\n")
			})
		}
	}
}

// TestForwardsFaults: a fault's signal that somebody sends ends the command, not lastly.
func TestForwardsFaults(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS} {
		l := start(t, "--", "sh", "-c", "ulimit -c 0; echo ready >ready; exec sleep 100")
		l.await("ready")
		l.signal(sig)
		l.ends(128+int(sig), "")
		l.says("")
	}
}

func TestRewrites(t *testing.T) {
	t.Parallel()
	l := start(t, "--signal-rewrite", "TERM:USR1", "--signal-rewrite=SIGHUP:0", "--", "sh", "-c", "trap 'echo usr1; exit' USR1; echo ready >ready; while :; do sleep 0.02; done")
	l.await("ready")
	l.signal(syscall.SIGHUP)
	l.signal(syscall.SIGTERM)
	l.ends(0, "usr1\n")
}

// TestInherits: what was ignored stays ignored, and nothing else is.
func TestInherits(t *testing.T) {
	t.Parallel()
	for _, more := range modes {
		for _, signals := range []string{"", "HUP", "INT", "HUP INT TSTP TTIN TTOU"} {
			l := prepare(t)
			script := fmt.Sprintf(`trap "" %s; grep Sig[BI] /proc/self/status; exec "$LASTLY" run %s -- grep Sig[BI] /proc/self/status`, signals, more)
			if signals == "" {
				script = strings.TrimPrefix(script, `trap "" ; `)
			}
			l.cmd.Path, l.cmd.Args = "/bin/sh", []string{"sh", "-c", script}
			l.begin()
			if status := l.status(); status != 0 {
				t.Errorf("status %d, %s", status, l.err.String())
			}
			if lines := strings.Fields(l.out.String()); len(lines) != 8 || strings.Join(lines[:4], " ") != strings.Join(lines[4:], " ") {
				t.Errorf("%q: %q", signals, lines)
			}
		}
	}
}

// TestBlocked: what was blocked stays so, but for what Go's runtime unblocks before any code runs.
func TestBlocked(t *testing.T) {
	t.Parallel()
	perl, err := exec.LookPath("perl")
	if err != nil {
		testproc.Skip(t, err.Error())
	}
	for _, mode := range modes {
		l := prepare(t)
		script := `use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGHUP)); exec @ARGV`
		l.cmd.Path, l.cmd.Args = perl, append([]string{"perl", "-e", script, l.cmd.Path, "run"}, append(strings.Fields(mode), "--", "grep", "SigBlk", "/proc/self/status")...)
		l.begin().ends(0, "SigBlk:\t0000000000002a00\n")
	}
}

// TestOrphansAreReaped: none of a hundred background processes is left as a zombie while the command runs.
func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "sh", "-c", `for i in $(seq 100); do (sh -c 'exit 1' &) ; done; echo $PPID >ready; while [ ! -e done ]; do sleep 0.02; done`)
	l.begin()
	inner := l.await("ready")
	testproc.Poll(t, "no zombie below the inner process", func() bool {
		text, err := os.ReadFile("/proc/" + inner + "/task/" + inner + "/children")
		return err == nil && len(strings.Fields(string(text))) == 1
	})
	fatal(t, os.WriteFile(l.path("done"), nil, 0o600))
	l.ends(0, "")
}

// TestOKStatus: a status that counts as success is 0, for hooks as well; one of lastly's own is not.
func TestOKStatus(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		words := strings.Fields(mode)
		start(t, append(words, "--ok-status", "143", "--", "sh", "-c", "kill $$")...).ends(0, "")
		start(t, append(words, "--ok-status", "143", "--", "sh", "-c", "exit 3")...).ends(3, "")
		start(t, append(words, "--ok-status", "124", "--timeout", "0.1", "--", "sleep", "60")...).ends(124, "")
	}
	l := start(t, "--ok-status", "3", "--on-failure", "touch failed", "--", "sh", "-c", "exit 3")
	l.ends(0, "")
	if _, err := os.Lstat(l.path("failed")); err == nil {
		t.Error("--on-failure: it was no failure")
	}
}

// TestGroup: with --group, what a shell waits for hears of a signal at once, too.
func TestGroup(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		sleep := made(t) + itoa(len(mode))
		l := start(t, append(strings.Fields(mode), "--group", "--", "sh", "-c", `trap 'echo got; exit 3' TERM; sleep `+sleep)...)
		testproc.Poll(t, "sleep", func() bool { return lives(sleep) }) // a shell's child loses what comes before exec
		l.signal(syscall.SIGTERM)
		l.ends(3, "got\n") // dash runs the trap when sleep has ended
	}
}
