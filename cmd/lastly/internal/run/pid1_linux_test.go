package run_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// asFirst makes l the first process of a PID namespace, as in a container.
func asFirst(t *testing.T, l *lastly) {
	t.Helper()
	if out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		testproc.Skip(t, "a PID namespace of its own is not permitted here: "+string(out))
	}
	l.cmd.Args = append([]string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", l.cmd.Path}, l.cmd.Args[1:]...)
	l.cmd.Path = "/usr/bin/unshare"
}

func TestPID1(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		words := strings.Fields(mode)
		l := prepare(t, append(words, "--", "sh", "-c", "exit 7")...)
		asFirst(t, l)
		l.begin().ends(7, "")
		l = prepare(t, append(words, "--", "sh", "-c", "kill -9 $$")...)
		asFirst(t, l)
		l.begin().ends(137, "")
	}
}

// TestPID1Signals: signals whose default does nothing to a PID 1 arrive at the command; it dies of none itself.
func TestPID1Signals(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		for _, sig := range []string{"TERM", "INT", "USR1", "HUP"} {
			l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `trap 'echo got; exit 3' `+sig+`; (sleep 0.2; kill -WINCH 1; kill -URG 1; kill -`+sig+` 1) & while :; do sleep 0.02; done`)...)
			asFirst(t, l)
			l.begin().ends(3, "got\n")
		}
	}
}

// TestPID1Reaps orphans that are not of its command's tree, too: of what was started in the container from outside.
func TestPID1Reaps(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		// nsenter's child is a stranger in the namespace: its orphan becomes a child of process 1.
		const zombies = `zombies() { for p in /proc/[0-9]*/stat; do read -r line <$p && case "$line" in *" Z "*) return 0;; esac; done 2>/dev/null; return 1; }; `
		l := prepare(t, append(strings.Fields(mode), "--timeout", "30", "--", "sh", "-c", zombies+`echo $$ >ready; while [ ! -e done ]; do sleep 0.02; done; while zombies; do sleep 0.05; done`)...)
		asFirst(t, l)
		l.begin().await("ready")
		var first string
		testproc.Poll(t, "the first process", func() bool {
			out, _ := exec.Command("pgrep", "-P", itoa(l.cmd.Process.Pid)).Output()
			first = strings.TrimSpace(string(out))
			return first != ""
		})
		out, err := exec.Command("nsenter", "-t", first, "-p", "-m", "sh", "-c", "for i in 1 2 3 4 5; do (sh -c 'sleep 0.1; exit 1' &) ; done; sleep 0.5").CombinedOutput()
		if err != nil {
			testproc.Skip(t, "nsenter: "+string(out))
		}
		fatal(t, exec.Command("touch", l.path("done")).Run())
		l.ends(0, "")
	}
}
