package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A session is a process that leads a session of its own on a terminal, as a login shell does.
type session struct {
	*proc
	master *os.File
	read   chan struct{} // closed when nobody has the terminal open any more

	mu sync.Mutex
	// mu guards screen.
	screen []byte
}

// openTerminal returns both ends of a new terminal.
func openTerminal(t testing.TB) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	master = os.NewFile(uintptr(fd), "master")
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// session starts a command line on a terminal of its own.
func (r *rig) session(argv ...string) *session {
	r.t.Helper()
	master, slave := openTerminal(r.t)
	s := &session{master: master, read: make(chan struct{})}
	s.resize(24, 80)
	s.proc = r.start(argv, func(cmd *exec.Cmd) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		cmd.Env = append(cmd.Env, "PS1="+prompt, "TERM=dumb", "HISTFILE=")
	})
	_ = slave.Close()
	go func() { // ends when nobody has the terminal open any more, or master is closed
		defer close(s.read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.screen = append(s.screen, buf[:n]...)
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	r.t.Cleanup(func() { _ = master.Close(); <-s.read })
	return s
}

func (s *session) resize(rows, columns uint16) {
	conn, err := s.master.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	_ = conn.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.screen)
}

// sees waits until the terminal shows the text after what was seen before, which is then seen.
func (s *session) sees(text string) {
	s.t.Helper()
	found := false
	within(limit, 5*time.Millisecond, func() bool {
		all := s.allRead()
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, rest, ok := strings.Cut(string(s.screen), text); ok {
			s.screen, found = []byte(rest), true
		}
		return found || all
	})
	if !found {
		s.t.Fatalf("no %q on the terminal, which has %q\n%s", text, s.text(), s.processes())
	}
}

// allRead reports whether nothing more will come.
func (s *session) allRead() bool {
	select {
	case <-s.read:
		return true
	default:
		return false
	}
}

// processes says what there is in the session.
func (s *session) processes() string {
	text, err := exec.Command("ps", "-o", "pid,ppid,pgid,tpgid,stat,wchan:20,args", "--sid", fmt.Sprint(s.cmd.Process.Pid)).Output()
	if err != nil {
		return "its session is empty"
	}
	return string(text)
}

// types writes keys.
func (s *session) types(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.master, keys); err != nil {
		s.t.Fatal(err)
	}
}

// seesAll is sees for texts that come in any order.
func (s *session) seesAll(texts ...string) {
	s.t.Helper()
	ok := within(limit, 5*time.Millisecond, func() bool {
		screen := s.text()
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
	if !ok {
		s.t.Fatalf("not all of %q on the terminal, which has %q\n%s", texts, s.text(), s.processes())
	}
}
