package cli_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestWatchLines: where there is no terminal, a line for what comes and for what goes; SIGTERM ends it.
func TestWatchLines(t *testing.T) {
	m := newMachine(t)
	p := testproc.Start(t, "command", "watch", "--every", "50ms")
	path := file(t)
	m.dead("remove " + path)
	testproc.Poll(t, "the line", func() bool { return strings.Contains(p.Output(), "remove a remove: "+path) })
	run(t, "sweep").check(0)
	testproc.Poll(t, "its end", func() bool {
		return strings.Contains(p.Output(), "\n- ") && strings.Contains(p.Output(), "+ ")
	})
	p.Signal(syscall.SIGTERM)
	p.Wait().Check(t, "exit 0")
	if strings.Contains(p.Output(), "\x1b") {
		t.Errorf("escapes: %q", p.Output())
	}
}

// slow is where an `add` comes that was not carried out before main.
func slow(args []string) {
	testproc.Say("slow: %s", strings.Join(args, " "))
}

// command is the lastly command.
func command(args []string) {
	os.Exit(cli.Main(args, os.Stdin, os.Stdout, os.Stderr))
}

// within fails a test that hangs.
func within(t *testing.T, done <-chan int) int {
	t.Helper()
	select {
	case code := <-done:
		return code
	case <-time.After(testproc.Limit):
		t.Fatal("it does not end")
		return 0
	}
}
