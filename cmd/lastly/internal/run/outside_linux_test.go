package run_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// In a PID namespace whose first process was put there from outside (docker exec, unshare --pid), the session and the process group
// are those of a stranger, and have the number 0.

// TestOutsideSession: what has a session of its own is still told from what has not.
func TestOutsideSession(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"--let-go", "--let-go --report /dev/null"} {
		stays, goes := made(t), made(t)+"1"
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", "setsid sh -c 'echo $$ >daemon; exec sleep "+stays+"' >/dev/null 2>&1 & while [ ! -s daemon ]; do sleep 0.02; done; sleep "+goes+" & exit 5")...)
		asFirst(t, l)
		const first = `"$@"; echo $? >status; while [ ! -e done ]; do sleep 0.02; done`
		for i, word := range l.cmd.Args {
			if word == "--mount-proc" {
				l.cmd.Args = append(append(append([]string{}, l.cmd.Args[:i+1]...), "sh", "-c", first, "sh"), l.cmd.Args[i+1:]...)
				break
			}
		}
		l.begin()
		if status := l.await("status"); status != "5" || !lives(stays) || lives(goes) {
			t.Errorf("%s: status %s; the daemon lives: %v; the other one: %v; %s", mode, status, lives(stays), lives(goes), l.err.String())
		}
		fatal(t, os.WriteFile(l.path("done"), nil, 0o600))
		l.ends(0, "")
		gone(t, stays)
	}
}

// TestOutsideGroup: the command can read from the terminal.
func TestOutsideGroup(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `echo ready; read x; echo "got $x" >&2`)...)
		asFirst(t, l)
		c := open(t, l)
		c.shows("ready")
		c.press("hello\n")
		c.shows("got hello")
		l.ends(0, "")
	}
}

// TestForeignProc: with the /proc of another PID namespace what is left can't be found; that is said, and not waited for.
func TestForeignProc(t *testing.T) {
	t.Parallel()
	l := prepare(t, "--grace", "0.2", "--", "sh", "-c", `setsid sleep 3600 >/dev/null 2>&1 & exit 3`)
	asFirst(t, l)
	l.cmd.Args = slices.DeleteFunc(l.cmd.Args, func(word string) bool { return word == "--mount-proc" })
	l.begin().ends(3, "")
	l.says("something is left that can't be seen")
}
