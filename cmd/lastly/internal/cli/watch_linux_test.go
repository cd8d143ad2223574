package cli_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lastly-go/lastly/cmd/lastly/internal/cli"
)

// terminal makes a pseudo-terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 60}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func settings(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// TestWatchScreen: on a terminal, q and Ctrl-C end it, and the terminal is left as it was.
func TestWatchScreen(t *testing.T) {
	for name, key := range map[string]string{"q": "q", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.dead("exec exit 0", "exec exit 1", "exec exit 2", "exec exit 3", "exec exit 4", "exec exit 5")
			master, slave := terminal(t)
			before := settings(t, slave)
			done := make(chan int, 1)
			go func() { done <- cli.Main([]string{"watch", "--every", "50ms"}, slave, slave, slave) }() // ends with the key
			text := readUntil(t, master, "more lines")
			if _, err := master.WriteString("x" + key); err != nil {
				t.Fatal(err)
			}
			if code := within(t, done); code != 0 {
				t.Errorf("exit code %d", code)
			}
			text += readUntil(t, master, "\x1b[?1049l")
			if after := settings(t, slave); after != before {
				t.Errorf("the terminal was %+v and is %+v", before, after)
			}
			if !strings.Contains(text, "\x1b[?1049h") || !strings.Contains(text, "gone") || strings.Contains(text, "exit 5") {
				t.Errorf("it drew %q", text)
			}
		})
	}
}

func readUntil(t *testing.T, f *os.File, word string) string {
	t.Helper()
	var text strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(text.String(), word) {
		n, err := f.Read(b)
		if err != nil {
			t.Fatalf("%v after %q", err, text.String())
		}
		text.Write(b[:n])
	}
	return text.String()
}

// TestColours: on a terminal, unless NO_COLOR is set.
func TestColours(t *testing.T) {
	m := newMachine(t)
	m.dead("exec exit 0")
	report := file(t)
	if err := os.WriteFile(report, []byte(`{"hooks": [{"name": "a", "outcome": "failed"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, none := range []string{"", "1"} {
		t.Setenv("NO_COLOR", none)
		t.Setenv("TERM", "xterm")
		master, slave := terminal(t)
		if code := cli.Main([]string{"list"}, slave, slave, slave); code != 0 {
			t.Errorf("exit code %d", code)
		}
		text := readUntil(t, master, "lastly sweep")
		if got := strings.Contains(text, "\x1b[33m"); got != (none == "") {
			t.Errorf("NO_COLOR=%s: %q", none, text)
		}
		if id := list(t).Owners[0].ID; strings.Contains(text, id) || !strings.Contains(text, id[:8]+"-1") {
			t.Errorf("on a terminal ids should be short: %q", text)
		}
		if code := cli.Main([]string{"report", report}, slave, slave, slave); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if text := readUntil(t, master, "|"); strings.Contains(text, "\x1b[31mfailed") != (none == "") {
			t.Errorf("NO_COLOR=%s: %q", none, text)
		}
	}
}

// TestProgress: a long sweep shows how far it is on a terminal, and wipes that when it is done.
func TestProgress(t *testing.T) {
	m := newMachine(t)
	m.dead("exec exit 0", "exec sleep 2")
	master, slave := terminal(t)
	done := make(chan int, 1)
	go func() { done <- cli.Main([]string{"sweep"}, slave, io.Discard, slave) }() // ends with the sweep
	text := readUntil(t, master, "2 settled")
	if code := within(t, done); code != 0 || !strings.Contains(text, "] 0 of 2") || !strings.Contains(text, "\r\x1b[Klastly: ") {
		t.Errorf("exit code %d, %q", code, text)
	}
}
