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
	for _, more := range [][]string{{"--let-go"}, {"--let-go", "--report", "/dev/null"}} {
		stays, goes := made(t), made(t)+"1"
		l := start(t, append(more, "--", "sh", "-c", "setsid sh -c 'echo $$ >daemon; exec sleep "+stays+"' >/dev/null 2>&1 & while [ ! -s daemon ]; do sleep 0.02; done; sleep "+goes+" & exit 5")...)
		l.ends(5, "")
		if !lives(stays) || lives(goes) {
			t.Errorf("the daemon lives: %v; the other one: %v", lives(stays), lives(goes))
		}
		pid, err := strconv.Atoi(l.await("daemon"))
		fatal(t, err)
		fatal(t, syscall.Kill(pid, syscall.SIGKILL))
		gone(t, stays)
	}
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
	l := start(t, "--timeout", "0.3", "--grace", "60", "--", "sh", "-c", "trap 'echo term >term; exit 0' TERM; setsid sleep "+sleep+" & echo ready >ready; while :; do sleep 0.02; done")
	l.ends(124, "")
	if ready := l.read("ready"); ready != "" && l.read("term") == "" { // else the time was over before the shell had begun
		t.Error("it was not asked to end")
	}
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
				// 125 if the outer one had not even heard that the command runs.
				if want := map[string]int{"outer": 1009, "inner": 143}[who]; status != want && (who == "outer" || status != 125) {
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

// TestKilledChain: who is killed hands its children on, and that may be in the moment between the look for children and the wait for
// one of them. Each of the processes is one such moment.
func TestKilledChain(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		sleep := made(t) + itoa(i)
		l := start(t, "--grace", "0", "--remove", "nothing", "--", "sh", "-c", `echo $PPID >inner
			nest() { [ $1 = 0 ] && exec sleep `+sleep+`; (nest $(($1 - 1))) & wait; }; nest 12`)
		testproc.Poll(t, "the last of the chain", func() bool { return lives(sleep) })
		inner, err := strconv.Atoi(l.await("inner"))
		fatal(t, err)
		fatal(t, syscall.Kill(inner, syscall.SIGKILL))
		_ = l.status()
		if lives(sleep) {
			t.Error("the last of the chain lives on: ", l.err.String())
		}
	}
}

// TestBothKilled: of a run that had nothing registered nobody is left to end the processes. The next sweep does, by the mark in the
// socket's name; and it leaves alone what a living process still holds.
func TestBothKilled(t *testing.T) {
	t.Parallel()
	sleep := made(t)
	l := prepare(t, "--grace", "1000", "--", "sh", "-c", `exec >/dev/null 2>&1; (trap '' TERM; exec setsid sleep `+sleep+`) & echo $PPID >inner; echo ready >ready; while :; do sleep 0.02; done`)
	l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("journals"))
	l.begin().await("ready")
	inner, err := strconv.Atoi(l.await("inner"))
	fatal(t, err)
	fatal(t, l.cmd.Process.Kill())
	_ = l.status()
	sweep := func() (sockets []string) {
		t.Helper()
		cmd := exec.Command(l.cmd.Path, "sweep")
		cmd.Env = l.cmd.Env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("sweep: %v: %s", err, out)
		}
		sockets, _ = filepath.Glob(l.path("journals/run-*.sock"))
		return sockets
	}
	if sockets := sweep(); len(sockets) != 1 || !lives(sleep) {
		t.Errorf("the inner process is there, and its grace not over: lives %v, sockets %v", lives(sleep), sockets)
	}
	fatal(t, syscall.Kill(inner, syscall.SIGKILL))
	testproc.Poll(t, "the inner process's end", func() bool { return syscall.Kill(inner, 0) != nil })
	if sockets := sweep(); len(sockets) != 0 || lives(sleep) {
		t.Errorf("both are gone: lives %v, sockets %v", lives(sleep), sockets)
	}
}

// TestHandlersGoOn: whichever process is killed, each of the tree is asked to end once, and what a handler starts then is not.
func TestHandlersGoOn(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"outer", "inner"} {
		l := start(t, "--grace", "60", "--", "sh", "-c", `exec >/dev/null 2>&1; trap 'sh -c "sleep 0.2; echo handled" >handled; exit 3' TERM; trap 'echo passed >passed' USR1
			sleep 3600 & sleep 3600 & sleep 3600 & echo $PPID >inner; while :; do sleep 0.02; done`)
		inner, err := strconv.Atoi(l.await("inner"))
		fatal(t, err)
		l.signal(syscall.SIGUSR1)
		l.await("passed") // so lastly knows that the command runs
		if who == "inner" {
			fatal(t, syscall.Kill(inner, syscall.SIGKILL))
			l.ends(3, "")
			l.says("has ended (SIGKILL)")
		} else {
			fatal(t, l.cmd.Process.Kill())
			_ = l.status()
		}
		l.await("handled")
	}
}

// TestOrphansAreAsked: what was forked in the moment of the asking hears of it, when its parent has ended.
func TestOrphansAreAsked(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"outer", "inner"} {
		sleep := made(t) + itoa(int(who[0]))
		// The handler's child is an orphan soon, as one is that was forked too late to be seen.
		l := start(t, "--grace", "60", "--", "sh", "-c", `exec >/dev/null 2>&1; trap 'sleep `+sleep+` & echo orphan >orphan; exit 3' TERM
			trap 'echo passed >passed' USR1; echo $PPID >inner; while :; do sleep 0.02; done`)
		inner, err := strconv.Atoi(l.await("inner"))
		fatal(t, err)
		l.signal(syscall.SIGUSR1)
		l.await("passed")
		pid := inner
		if who == "outer" {
			pid = l.cmd.Process.Pid
		}
		fatal(t, syscall.Kill(pid, syscall.SIGKILL))
		_ = l.status()
		l.await("orphan")
		gone(t, sleep) // and not only when the grace is over
	}
}

// TestProcessLimit: a command that has used up the user's processes is not lastly's end.
func TestProcessLimit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"perl", "prlimit"} {
		if _, err := exec.LookPath(name); err != nil {
			testproc.Skip(t, err.Error())
		}
	}
	const bomb = `my @k; while (defined(my $p = fork)) { unless ($p) { sleep 1000; exit } push @k, $p } print scalar(@k), "\n"; select undef, undef, undef, 0.5; kill 9, @k; exit 9`
	l := prepare(t, "--grace", "1", "--", "perl", "-e", bomb)
	own, _ := asNobody(t, l)
	l.cmd.SysProcAttr.Credential.Uid = 54000 + uint32(os.Getpid()%1000) // one that has no other processes
	fatal(t, os.Chmod(l.dir, 0o777))
	l.cmd.Args = append([]string{"sh", "-c", `exec prlimit --nproc=30 "$@"`, "sh", own}, l.cmd.Args[1:]...)
	l.cmd.Path = "/bin/sh"
	l.begin()
	if status := l.status(); status != 9 || l.err.Len() > 0 {
		t.Errorf("status %d, want 9: %s%s", status, l.out.String(), l.err.String())
	}
}

// TestLetGoGuarded: neither a guard nor a sweep ends what was let go; but the command they do.
func TestLetGoGuarded(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"outer", "both", "plain", "plain and added"} {
		stays, goes := made(t)+itoa(len(who)), made(t)+itoa(len(who))+"1"
		script := `exec >/dev/null 2>&1; setsid sh -c 'echo $$ >daemon; exec sleep ` + stays + `' & while [ ! -s daemon ]; do sleep 0.02; done; echo $PPID >inner; `
		if who == "plain and added" {
			script += `"$LASTLY" add remove here; `
		}
		words := []string{"--let-go", "--remove", "here", "--", "sh", "-c", script + "echo ready >ready; exec sleep " + goes}
		if strings.HasPrefix(who, "plain") {
			words = append(words[:1], words[3:]...)
		}
		l := prepare(t, words...)
		l.cmd.Env = append(l.cmd.Env, "LASTLY_DIR="+l.path("journals"))
		fatal(t, os.WriteFile(l.path("here"), nil, 0o600))
		l.begin().await("ready")
		if who == "both" {
			inner, err := strconv.Atoi(l.await("inner"))
			fatal(t, err)
			l.killBoth(inner)
		} else {
			fatal(t, l.cmd.Process.Kill())
		}
		_ = l.status()
		gone(t, goes)
		if who != "plain" {
			testproc.Poll(t, "the guard", func() bool { _, err := os.Lstat(l.path("here")); return err != nil })
		}
		sweep := exec.Command(l.cmd.Path, "sweep", "--wait", "10s")
		sweep.Env = l.cmd.Env
		if out, err := sweep.CombinedOutput(); err != nil || !lives(stays) {
			t.Errorf("%s killed: the daemon lives: %v; sweep: %v, %s", who, lives(stays), err, out)
		}
		pid, err := strconv.Atoi(l.await("daemon"))
		fatal(t, err)
		fatal(t, syscall.Kill(pid, syscall.SIGKILL))
		gone(t, stays)
	}
}

// TestNestedAskedOnce: the command of a run inside of a run hears of the end once, from its own run.
func TestNestedAskedOnce(t *testing.T) {
	t.Parallel()
	for range 3 {
		l := start(t, "--grace", "60", "--", "sh", "-c", `"$LASTLY" run --grace 60 -- sh -c "trap 'echo got >>got; end=yes' TERM; echo ready >ready; while [ ! \$end ]; do sleep 0.01; done; sleep 0.2" & while [ ! -s ready ]; do sleep 0.01; done; exit 3`)
		l.ends(3, "")
		if got := l.read("got"); got != "got\n" {
			t.Errorf("%q", got)
		}
	}
}
