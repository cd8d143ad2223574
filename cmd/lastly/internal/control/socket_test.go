//go:build unix

package control_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/cmd/lastly/internal/control"
	"github.com/lastly-go/lastly/internal/testproc"
)

// TestKilled: after SIGKILL of the run what was added is undone, and its socket too; asking it then says that it is gone.
func TestKilled(t *testing.T) {
	p := testproc.Start(t, "run", "")
	path := file(t)
	var socket string
	testproc.Poll(t, "the run", func() bool {
		_, err := fmt.Sscanf(p.Output(), "ready %s", &socket)
		return err == nil
	})
	c := dial(t, socket)
	do(t, c, remove(path))
	if a := do(t, c, control.Request{Op: control.OpPing}); a.Pid != p.Pid() || a.Owner == "" {
		t.Errorf("ping: %+v", a)
	}
	p.Signal(os.Kill)
	p.Wait().Check(t, "signal killed")
	testproc.Poll(t, "the guard", func() bool { return gone(path) && gone(socket) })
	if _, err := control.Dial(socket); !errors.Is(err, control.ErrGone) {
		t.Errorf("dial: %v, want ErrGone", err)
	}
	if _, err := c.Do(remove(path)); !errors.Is(err, control.ErrGone) {
		t.Errorf("do: %v, want ErrGone", err)
	}
}

// TestOtherUser: neither side talks to another user's process, also where the socket's mode would let it.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root may become another user", "ask")
	}
	_, v := serve(t)
	for _, mode := range []os.FileMode{0o600, 0o666} {
		if err := os.Chmod(v.Path(), mode); err != nil {
			t.Fatal(err)
		}
		open(t, v.Path())
		p := testproc.Start(t, "ask", v.Path())
		p.WaitLine("true")
		p.Wait()
	}
}

// open lets everybody reach a file.
func open(t *testing.T, path string) {
	t.Helper()
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, info.Mode().Perm()) })
	}
}

// TestLongPath: sockets' paths may have 107 bytes, folders' more.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &lastly.Scope{}
	defer s.Close()
	v, err := control.Serve(s, filepath.Join(dir, "run.sock"), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	do(t, dial(t, v.Path()), control.Request{Op: control.OpPing})
	if err := s.Close(); err != nil || !gone(v.Path()) {
		t.Errorf("%v, or the socket is left", err)
	}
}

// TestStale: a dead socket is replaced, a living one refused.
func TestStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	s := &lastly.Scope{}
	defer s.Close()
	if _, err := control.Serve(s, path, control.Options{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("beside another: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Serve(s, path, control.Options{}); err != nil {
		t.Error(err)
	}
}

// TestNoRun: the error says what to do.
func TestNoRun(t *testing.T) {
	t.Setenv(control.RunVariable, "")
	if _, err := control.Dial(""); !errors.Is(err, control.ErrNoRun) || !strings.Contains(err.Error(), "lastly run") {
		t.Error(err)
	}
}

// TestKillElsewhere: a number of another PID namespace is refused, since it would be another process here.
func TestKillElsewhere(t *testing.T) {
	_, v := serve(t)
	cmd := exec.Command("sleep", "30")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r := control.Request{Op: control.OpAdd, Kind: control.KindKill, Payload: control.Kill{Pid: cmd.Process.Pid}}
	id := do(t, dial(t, v.Path()), r).ID
	do(t, dial(t, v.Path()), control.Request{Op: control.OpSettle, ID: id})
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	conn, err := net.Dial("unix", v.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, `{"op":"add","kind":"kill","payload":{"pid":%d},"pid":1}`+"\n", cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, _ := conn.Read(answer)
	if !strings.Contains(string(answer[:n]), "another PID namespace") {
		t.Errorf("answer: %s", answer[:n])
	}
}
