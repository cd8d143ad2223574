package run_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestNoShell: Ctrl-Z stops nothing where nobody could go on with it, as for any leader of a session (ssh, docker run -t). And a
// command that stops itself there does not stop lastly, which passes signals on.
func TestNoShell(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		l := prepare(t, append(strings.Fields(mode), "--", "sh", "-c", `echo $$ >pid; echo ready; read x; echo "got $x"; kill -STOP $$; exit 4`)...)
		c := open(t, l)
		c.shows("ready")
		c.press("\x1a")
		c.press("hello\n")
		c.shows("got hello")
		pid, err := strconv.Atoi(l.await("pid"))
		fatal(t, err)
		testproc.Poll(t, "the command stops", func() bool { return stateOf(pid) == "T" })
		if state := stateOf(l.cmd.Process.Pid); state == "T" {
			t.Errorf("%s: lastly has stopped as well", mode)
		}
		l.signal(syscall.SIGCONT) // to lastly alone
		l.ends(4, "")
	}
}

func stateOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:min(1, len(rest))]
}
