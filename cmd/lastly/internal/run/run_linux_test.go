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
	fatal(t, os.WriteFile(l.path("script"), []byte("echo hi $1\n"), 0o700))
	l.begin().ends(0, "hi a\n") // as execvp(3) does
	l = prepare(t, "--", "./interpreted")
	fatal(t, os.WriteFile(l.path("interpreted"), []byte("#!/there/is/none\n"), 0o700))
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

// TestTree: nothing of the command is left, whatever it did to get away.
func TestTree(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"background":   `sleep %s & exit 5`,
		"own session":  `setsid sleep %s & exit 5`,
		"daemon":       `(setsid sh -c 'setsid sleep %s & ' &) ; sleep 0.2; exit 5`,
		"clean":        `env -i setsid sleep %s & exit 5`,
		"stopped":      `sleep %s & kill -STOP $!; exit 5`,
		"ignores TERM": `sh -c 'trap "" TERM; sleep %s & wait' & sleep 0.2; exit 5`,
		"closes all":   `sleep %s <&- >&- 2>&- & exit 5`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sleep := made(t)
			l := start(t, "--grace", "0.5", "--", "sh", "-c", fmt.Sprintf(script, sleep))
			l.ends(5, "")
			if lives(sleep) {
				t.Error("it is still there")
			}
		})
	}
}

// TestLetGo: what made a session of its own is left, all else is not.
func TestLetGo(t *testing.T) {
	t.Parallel()
	stays, goes := made(t), made(t)+"1"
	l := start(t, "--let-go", "--", "sh", "-c", "setsid sh -c 'echo $$ >daemon; exec sleep "+stays+"' >/dev/null 2>&1 & while [ ! -s daemon ]; do sleep 0.02; done; sleep "+goes+" & exit 5")
	l.ends(5, "")
	if !lives(stays) || lives(goes) {
		t.Errorf("the daemon lives: %v; the other one: %v", lives(stays), lives(goes))
	}
	pid, err := strconv.Atoi(l.await("daemon"))
	fatal(t, err)
	fatal(t, syscall.Kill(pid, syscall.SIGKILL))
	gone(t, stays)
}

// TestLetGoKilled: without an inner process the command still does not outlive lastly.
func TestLetGoKilled(t *testing.T) {
	t.Parallel()
	sleep := made(t)
	l := start(t, "--let-go", "--", "sh", "-c", "echo ready >ready; exec sleep "+sleep)
	l.await("ready")
	fatal(t, l.cmd.Process.Kill())
	_ = l.status()
	gone(t, sleep)
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	sleep := made(t)
	l := start(t, "--timeout", "0.3", "--", "sh", "-c", "trap 'echo term; exit 0' TERM; setsid sleep "+sleep+" & while :; do sleep 0.02; done")
	l.ends(124, "term\n")
	if lives(sleep) {
		t.Error("something is left")
	}
	start(t, "--let-go", "--timeout", "0.2", "--grace", "0.2", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.02; done").ends(124, "")
	start(t, "--timeout", "0.2", "--grace", "0.2", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.02; done").ends(124, "")
	start(t, "--timeout", "100", "--", "sh", "-c", "exit 4").ends(4, "")
}

// TestKilled: whichever of the two processes is killed, the other one ends the tree, and what is registered is undone.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"outer", "inner"} {
		for _, more := range []string{"", "--temp --remove here"} {
			t.Run(who+" "+more, func(t *testing.T) {
				t.Parallel()
				sleep := made(t)
				l := prepare(t, append(strings.Fields(more), "--", "sh", "-c", `env -i setsid sleep `+sleep+` & echo $PPID >inner; echo "$TMPDIR" >temp; echo ready >ready; while :; do sleep 0.02; done`)...)
				fatal(t, os.WriteFile(l.path("here"), nil, 0o600))
				l.begin().await("ready")
				inner, err := strconv.Atoi(l.await("inner"))
				fatal(t, err)
				if who == "outer" {
					fatal(t, l.cmd.Process.Kill())
				} else {
					fatal(t, syscall.Kill(inner, syscall.SIGKILL))
				}
				status := l.status()
				if want := map[string]int{"outer": 1009, "inner": 143}[who]; status != want {
					t.Errorf("status %d, want %d: %s", status, want, l.err.String())
				}
				gone(t, sleep)
				if more != "" {
					testproc.Poll(t, "the removal of what was registered", func() bool {
						_, here := os.Lstat(l.path("here"))
						_, temp := os.Lstat(strings.TrimSpace(l.read("temp")))
						return os.IsNotExist(here) && os.IsNotExist(temp)
					})
				}
			})
		}
	}
}

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
			l := prepare(t, append(more, "--", "sh", "-c", `echo x >file; "$LASTLY" add remove file && (trap 'sleep 0.3; test -e file && echo tree >log' TERM; echo ready >ready; while :; do sleep 0.02; done)`)...)
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
		}
	}
}

// TestNoFolder: a run without anything registered needs no folder for journals.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--", "sh", "-c", `echo "$LASTLY_RUN"`)
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR=/proc/none")
	l.begin().ends(0, "\n")
	l = prepare(t, "--temp", "--", "true")
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR=/proc/none")
	l.begin().ends(125, "")
	l.says("LASTLY_DIR")
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
