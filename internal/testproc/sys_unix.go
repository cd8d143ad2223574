//go:build unix

package testproc

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// ownGroup keeps signals for a victim's process group from the tests.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killAll ends a process that has not been waited for, with its group if that is its own.
func killAll(cmd *exec.Cmd) {
	if attr := cmd.SysProcAttr; attr != nil && attr.Setpgid {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	_ = cmd.Process.Kill()
}

// SignalGroup sends a signal to the process group that a Proc leads, as a terminal's Ctrl-C does.
func (p *Proc) SignalGroup(sig syscall.Signal) {
	p.t.Helper()
	if p.Gone() {
		p.t.Fatalf("victim %q is gone\n%s", p.name, p.transcript())
	}
	if err := syscall.Kill(-p.Pid(), sig); err != nil {
		p.t.Fatalf("victim %q: send %v to its group: %v", p.name, sig, err)
	}
}

// askForStacks makes a Go process that does not end show why.
func askForStacks(p *os.Process) { _ = p.Signal(syscall.SIGABRT) }

func deathSignal(s *os.ProcessState) (string, bool) {
	ws, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !ws.Signaled() {
		return "", false
	}
	return ws.Signal().String(), true
}

// keepToOneself makes sure that the folders of tests are nobody else's to write in, also where the umask is 002: package durable
// refuses such a folder.
func keepToOneself() { syscall.Umask(syscall.Umask(0o22) | 0o22) }

// prepare is what a victim does first: it leaves no core file, and does not outlive the tests.
func prepare() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	limitLife(Limit + Limit/2)
}

// FullPipe returns the ends of a pipe that takes no more, so that whoever writes to it blocks.
func FullPipe(t testing.TB) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close(); _ = write.Close() })
	conn, err := write.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var block error
	err = conn.Control(func(fd uintptr) {
		for size := 1 << 16; size > 0; { // one byte at a time in the end: not even that fits then
			if _, err := syscall.Write(int(fd), make([]byte, size)); err != nil {
				size /= 2
			}
		}
		block = syscall.SetNonblock(int(fd), false)
	})
	if err != nil || block != nil {
		t.Fatal(err, block)
	}
	return read, write
}

// BrokenPipe returns the end for writing of a pipe that nobody reads any more.
func BrokenPipe(t testing.TB) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	t.Cleanup(func() { _ = w.Close() })
	return w
}
