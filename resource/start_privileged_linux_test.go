package resource_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{"foreground": beInBackground})

// TestPrivilegedAttributes: users, capabilities, root directories and namespaces are those that package exec gives.
func TestPrivilegedAttributes(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	nobody := &syscall.Credential{Uid: 65534, Gid: 65533, Groups: []uint32{7, 8}}
	root := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	for name, attr := range map[string]*syscall.SysProcAttr{
		"user":          {Credential: nobody},
		"capabilities":  {Credential: nobody, AmbientCaps: []uintptr{10, 12}},
		"root":          {Chroot: "/proc/self/root", Setsid: true},
		"namespaces":    {Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS},
		"user, mapped":  {Cloneflags: syscall.CLONE_NEWUSER, UidMappings: root, GidMappings: root},
		"unshare":       {Unshareflags: syscall.CLONE_NEWNS},
		"own namespace": {Cloneflags: syscall.CLONE_NEWPID, Setpgid: true},
	} {
		command := func() (*exec.Cmd, *bytes.Buffer) {
			var out bytes.Buffer
			same := *attr
			cmd := exec.Command("/bin/sh", "-c", "id; [ $$ -lt 10 ] && echo $$; grep -E '^(Cap|Sig[BI]|NoNew)' /proc/self/status; pwd")
			cmd.Stdout, cmd.Stderr, cmd.SysProcAttr, cmd.Dir = &out, &out, &same, "/"
			return cmd, &out
		}
		plain, want := command()
		if err := plain.Run(); err != nil {
			t.Logf("%s: not possible here: %v", name, err)
			continue
		}
		var s lastly.Scope
		cmd, got := command()
		if err := start(t, &s, cmd).Wait(); err != nil || got.String() != want.String() {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
		endTrees(t, &s)
	}
}

// terminal is a new one: what is behind it, and itself.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		testproc.Skip(t, fmt.Sprintf("no terminals here: %v", err), "foreground")
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlocked int32
	for request, value := range map[uintptr]*int32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlocked} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			testproc.Skip(t, fmt.Sprintf("no terminals here: %v", errno), "foreground")
		}
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		testproc.Skip(t, fmt.Sprintf("no terminals here: %v", err), "foreground")
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// TestControllingTerminal: a command can get one, by its own descriptor's number.
func TestControllingTerminal(t *testing.T) {
	t.Parallel()
	_, slave := terminal(t)
	var s lastly.Scope
	cmd := shell("{ : </dev/tty; } && echo has one")
	var out bytes.Buffer
	cmd.Stdout, cmd.ExtraFiles = &out, []*os.File{slave}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := start(t, &s, cmd).Wait(); err != nil || out.String() != "has one\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	endTrees(t, &s)
}

// beInBackground gives its terminal to a command.
func beInBackground([]string) {
	var s lastly.Scope
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	p, err := resource.Start(&s, cmd)
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	var group int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	testproc.Say("%v, %v", errno, int(group) == p.Pid())
	if err := s.Close(); err != nil {
		testproc.Say("%v", err)
	}
}

// TestForeground: a command can get the terminal, by this process's descriptor's number.
func TestForeground(t *testing.T) {
	t.Parallel()
	_, slave := terminal(t)
	r := testproc.Spec{
		Victim: "foreground", Stdin: slave, Attr: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	}.Start(t).Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "errno 0, true")
}

// TestTerminalReader: a command that reads from the terminal is in the program's group, for it would be stopped in one of its
// own; any other is not.
func TestTerminalReader(t *testing.T) {
	t.Parallel()
	_, slave := terminal(t)
	var s lastly.Scope
	for _, c := range []struct {
		stdin *os.File
		same  bool
	}{{slave, true}, {nil, false}} {
		cmd := exec.Command("sleep", "3600")
		if c.stdin != nil {
			cmd.Stdin = c.stdin
		}
		p := start(t, &s, cmd)
		group, err := syscall.Getpgid(p.Pid())
		if err != nil || (group == syscall.Getpgrp()) != c.same {
			t.Errorf("stdin %v: group %d, %v; this process's is %d", c.stdin, group, err, syscall.Getpgrp())
		}
	}
	endTrees(t, &s)
}
