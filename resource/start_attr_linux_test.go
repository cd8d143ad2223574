package resource_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

var _ = addVictims(testproc.Victims{"signals": compareSignals, "leaks": countLeaks, "untouched": compareOwner})

// signalState is what a command finds its signals to be.
func signalState(start func(cmd *exec.Cmd) error) (string, error) {
	cmd := exec.Command("grep", "^Sig[BI]", "/proc/self/status")
	var out bytes.Buffer
	cmd.Stdout = &out
	err := start(cmd)
	return out.String(), err
}

// compareSignals ignores and blocks what its words say, and compares what a command gets with and without Start.
func compareSignals(words []string) {
	runtime.LockOSThread()
	var block [16 / unsafe.Sizeof(uintptr(0))]uintptr
	for _, word := range words {
		var sig int
		what := word[:1]
		_, _ = fmt.Sscan(word[1:], &sig)
		if what == "i" {
			signal.Ignore(syscall.Signal(sig))
		} else {
			block[0] |= 1 << (sig - 1)
		}
	}
	const setBlock, size = 0, 8
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setBlock, uintptr(unsafe.Pointer(&block)), 0, size, 0, 0)
	plain, err := signalState((*exec.Cmd).Run)
	var s lastly.Scope
	ours, err2 := signalState(func(cmd *exec.Cmd) error {
		p, err := resource.Start(&s, cmd)
		if err != nil {
			return err
		}
		return p.Wait()
	})
	if plain != ours || err != nil || err2 != nil {
		testproc.Say("%v: %v, %v; plain:\n%sours:\n%s", words, err, err2, plain, ours)
	}
	_, err = resource.Start(&s, exec.Command("/dev/null"))
	testproc.Say("%v", err)
	_ = s.Close()
}

// TestSignalsOfTheOwner: what it ignores and blocks is ignored and blocked in the command, as with package exec.
func TestSignalsOfTheOwner(t *testing.T) {
	t.Parallel()
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		testproc.Skip(t, "its signal sets are others", "signals")
	}
	for _, words := range [][]string{
		{},
		{"i1"},
		{"i2"},
		{"i15"},
		{"i13"},
		{"i20", "i21", "i22"},
		{"i1", "i2", "i3", "i10", "i15", "i40"},
		{"b15"},
		{"b1", "b2", "b3", "b10"},
		{"b10", "i15"},
		{"b40", "i40"},
	} {
		p := testproc.Start(t, "signals", words...)
		r := p.Wait()
		r.Check(t, "exit 0")
		want := "lastly: start child null: fork/exec /dev/null: permission denied; make it executable (chmod +x) and its folders accessible for this user\n"
		if r.Out != want {
			t.Error(r.Out)
		}
	}
}

// countLeaks starts and ends commands in each way, and looks what is left of them in this process.
func countLeaks([]string) {
	var s lastly.Scope
	one := func() {
		for _, line := range []string{"true", "exit 1", "exec sleep 3600", "setsid sleep 3600 & exit"} {
			var out bytes.Buffer
			cmd := exec.Command("sh", "-c", line)
			cmd.Stdin, cmd.Stdout = strings.NewReader("x"), &out
			child := s.Child(lastly.Hook{Name: "child"})
			p, err := resource.Start(child, cmd)
			if err != nil {
				testproc.Say("%v", err)
				return
			}
			if !strings.Contains(line, "sleep") {
				_ = p.Wait()
			}
			if err := child.Close(); err != nil {
				testproc.Say("%v", err)
			}
			_ = p.Wait()
		}
		_, _ = resource.Start(&s, exec.Command("/dev/null"))
	}
	count := func() (files, goroutines, children int) {
		runtime.GC() // closes the handles of os.Process
		entries, _ := os.ReadDir("/proc/self/fd")
		return len(entries), runtime.NumGoroutine(), len(childrenOf(os.Getpid()))
	}
	one()
	files, goroutines, children := count()
	for range 10 {
		one()
	}
	for range 1000 { // what ends a moment after Wait
		f, g, c := count()
		if f <= files && g <= goroutines && c <= children && len(s.Report().Hooks) == 0 {
			testproc.Say("clean")
			return
		}
		testproc.Linger(1e6)
	}
	f, g, c := count()
	testproc.Say("descriptors %d -> %d, goroutines %d -> %d, children %d -> %d, hooks %d", files, f, goroutines, g, children, c, len(s.Report().Hooks))
}

// TestNothingLeaks: no descriptors, goroutines, zombies or hooks.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	r := testproc.Start(t, "leaks").Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "clean")
}

// ownerState is what the kernel knows of this process that a library could have changed.
func ownerState() string {
	const getPdeathsig, getChildSubreaper = 2, 37 // of prctl(2)
	var death, reaper int32
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, getPdeathsig, uintptr(unsafe.Pointer(&death)), 0)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, getChildSubreaper, uintptr(unsafe.Pointer(&reaper)), 0)
	text := fmt.Sprintf("signal on the parent's death: %d, subreaper: %d\n", death, reaper)
	fields, _ := stat(os.Getpid())
	text += fmt.Sprintf("group %s, session %s, terminal %s\n", fields[5], fields[6], fields[7])
	status, _ := os.ReadFile("/proc/thread-self/status")
	for line := range strings.Lines(string(status)) {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "SigBlk", "SigIgn", "SigCgt", "Umask", "NoNewPrivs", "Seccomp", "CapEff", "Uid", "Gid", "Groups":
			text += line
		}
	}
	return text
}

// compareOwner looks at this process before it starts a command, beside it, and afterwards.
func compareOwner([]string) {
	runtime.LockOSThread() // some of it is a thread's
	states := []string{ownerState()}
	var s lastly.Scope
	p, err := resource.Start(&s, exec.Command("sleep", "3600"))
	exitOn(err)
	states = append(states, ownerState())
	exitOn(s.Close())
	_ = p.Wait()
	for _, now := range append(states, ownerState()) {
		if now != states[0] {
			testproc.Say("was\n%sis\n%s", states[0], now)
		}
	}
}

// TestOwnerIsUntouched: the host's own attributes stay what they are.
func TestOwnerIsUntouched(t *testing.T) {
	t.Parallel()
	if r := testproc.Start(t, "untouched").Wait(); r.Ended != "exit 0" || r.Out != "" {
		t.Error(r)
	}
}

// TestThreadEnds: a command does not depend on the thread that has started it, as it would with Pdeathsig (golang/go#27505).
func TestThreadEnds(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	noError(t, err)
	out, err := cmd.StdoutPipe()
	noError(t, err)
	var thread int
	var starter sync.WaitGroup
	starter.Go(func() {
		runtime.LockOSThread() // and never unlocked: it ends with the goroutine
		thread = syscall.Gettid()
		_, err = resource.Start(&s, cmd)
	})
	starter.Wait()
	noError(t, err)
	if thread != os.Getpid() { // the first one of a process can't end
		testproc.Poll(t, "the end of the thread", func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", thread))
			return errors.Is(err, fs.ErrNotExist)
		})
	}
	_, err = io.WriteString(in, "it lives")
	noError(t, errors.Join(err, in.Close()))
	if text, err := io.ReadAll(out); string(text) != "it lives" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	endTrees(t, &s)
}

// TestAttributes: groups and sessions are those that were asked for.
func TestAttributes(t *testing.T) {
	t.Parallel()
	group := fmt.Sprint(syscall.Getpgrp())
	joined := group
	if group == "0" { // a group that began outside of this PID namespace can't be joined; a Pgid of 0 is another question
		joined = ""
	}
	session, _ := stat(os.Getpid())
	for name, c := range map[string]struct {
		attr           *syscall.SysProcAttr
		group, session string // "": its own
	}{
		"nil":     {nil, "", session[6]},
		"empty":   {&syscall.SysProcAttr{}, group, session[6]},
		"group":   {&syscall.SysProcAttr{Setpgid: true}, "", session[6]},
		"joins":   {&syscall.SysProcAttr{Setpgid: true, Pgid: syscall.Getpgrp()}, joined, session[6]},
		"session": {&syscall.SysProcAttr{Setsid: true}, "", ""},
		"death":   {&syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}, group, session[6]},
	} {
		var s lastly.Scope
		cmd := exec.Command("sleep", "3600")
		cmd.SysProcAttr = c.attr
		p := start(t, &s, cmd)
		own := fmt.Sprint(p.Pid())
		got, _ := stat(p.Pid())
		for i, want := range map[int]string{5: c.group, 6: c.session} {
			if want == "" {
				want = own
			}
			if got[i] != want {
				t.Errorf("%s: field %d is %s, want %s", name, i, got[i], want)
			}
		}
		endTrees(t, &s)
	}
}

// TestAttributesRefused: the error names the attribute.
func TestAttributesRefused(t *testing.T) {
	t.Parallel()
	for want, attr := range map[string]*syscall.SysProcAttr{
		"SysProcAttr.Ptrace":                      {Ptrace: true},
		"SysProcAttr.PidFD":                       {PidFD: new(int)},
		"of cmd.SysProcAttr (CgroupFD, Ctty)":     {UseCgroupFD: true, CgroupFD: 1 << 20},
		"cmd.SysProcAttr says of a terminal":      {Setsid: true, Setctty: true},
		"cmd.SysProcAttr asks for (Credential, ":  {Setpgid: true, Pgid: 1 << 23}, // above any number
		"and at cmd.Dir and cmd.SysProcAttr":      {Chroot: "/none"},
		"look for zero bytes in cmd.Args and cmd": {Chroot: "a\x00b"},
	} {
		var s lastly.Scope
		cmd := exec.Command("true")
		cmd.SysProcAttr = attr
		if _, err := resource.Start(&s, cmd); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
		if n := len(s.Report().Hooks); n != 0 {
			t.Errorf("%s: %d hooks", want, n)
		}
		endTrees(t, &s)
	}
}

// TestClosedDescriptors: what is not given, or closed already, is not there.
func TestClosedDescriptors(t *testing.T) {
	t.Parallel()
	open := func() *os.File {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f, closed := open(), open()
	defer func() { _ = f.Close() }()
	_ = closed.Close()
	command := func() (*exec.Cmd, *bytes.Buffer) {
		var out bytes.Buffer
		cmd := exec.Command("sh", "-c", "for i in 0 3 4 5 6 7 8 9 11 12; do [ -e /proc/$$/fd/$i ] && echo $i; done; true")
		cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = closed, &out, []*os.File{nil, f, nil, closed, f}
		return cmd, &out
	}
	plain, want := command()
	if err := plain.Run(); err != nil {
		t.Fatal(err)
	}
	var s lastly.Scope
	cmd, got := command()
	if err := start(t, &s, cmd).Wait(); err != nil || got.String() != want.String() {
		t.Errorf("%v, %q, want %q", err, got, want)
	}
	endTrees(t, &s)
}
