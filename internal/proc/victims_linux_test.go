package proc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/lastly-go/lastly/internal/testproc"
)

var linuxVictims = testproc.Victims{
	"parent":    parentVictim,
	"image":     imageVictim,
	"headless":  headlessVictim,
	"namespace": namespaceVictim,
	"reuse":     reuseVictim,
	"hidden":    hiddenVictim,
	"filtered":  filteredVictim,
	"secure":    func([]string) { testproc.Say("secure: %v", Secure()) },
}

// commands returns a function that waits for a line on stdin.
func commands() func() string {
	lines := bufio.NewScanner(os.Stdin)
	return func() string {
		lines.Scan()
		return lines.Text()
	}
}

// parentVictim starts children, and waits for them only when told.
func parentVictim([]string) {
	next := commands()
	var children []*exec.Cmd
	for {
		line := next()
		switch script, ok := strings.CutPrefix(line, "start "); {
		case ok:
			cmd := exec.Command("sh", "-c", script)
			if err := cmd.Start(); err != nil {
				testproc.Say("%v", err)
				return
			}
			children = append(children, cmd)
			testproc.Say("started %d", cmd.Process.Pid)
		case line == "wait":
			for _, cmd := range children {
				_ = cmd.Wait()
			}
			testproc.Say("waited")
		default:
			return
		}
	}
}

// imageVictim does what does not change its Image, and executes programs.
func imageVictim([]string) {
	next := commands()
	testproc.Say("runs")
	for i := 0; ; i++ {
		switch next() {
		case "work":
			_ = os.Chdir("/")
			_ = exec.Command("true").Run()
			memory := make([]byte, 64<<20)
			for i := 0; i < len(memory); i += 4096 {
				memory[i] = 1
			}
			go func() { runtime.LockOSThread() }() // a thread that ends with its goroutine
			err := os.WriteFile("/proc/self/comm", []byte("a ) R 1 (b"), 0)
			testproc.Say("worked %d, %v", i, err)
		case "exec itself":
			self, _ := os.Executable()
			testproc.Say("%v", syscall.Exec(self, os.Args, append(os.Environ(), "LASTLY_TESTPROC_VICTIM=image")))
		case "exec cat":
			testproc.Say("%v", syscall.Exec("/bin/cat", []string{"cat"}, nil))
		default:
			return
		}
	}
}

// headlessVictim ends its main thread: exit(2) of that thread alone.
func headlessVictim([]string) {
	for {
		go func() { // ends with the victim
			runtime.LockOSThread()
			if syscall.Gettid() == os.Getpid() {
				_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
			}
			select {} // the others keep their threads, so that it is the main thread's turn some time
		}()
		testproc.Linger(time.Millisecond)
	}
}

// intoNamespace is how a victim becomes the first process of a PID namespace of its own.
var intoNamespace = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Setpgid: true}

// mountProc gives the namespace a /proc of its own.
func mountProc(options string) {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		cant("make mounts private: %v", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, options); err != nil {
		cant("mount /proc: %v", err)
	}
}

// cant ends a victim that may not do here what it is for.
func cant(format string, args ...any) {
	testproc.Say("can't "+format, args...)
	os.Exit(0)
}

// skipIfCant skips the test then.
func skipIfCant(t *testing.T, output string) {
	t.Helper()
	if strings.HasPrefix(output, "can't ") {
		t.Skip(output)
	}
}

// namespaceVictim tells who it is, and what it knows of others: lines with IDs.
func namespaceVictim(args []string) {
	next := commands()
	if args[0] == "mount" {
		mountProc("")
	}
	self, err := Self()
	text, _ := json.Marshal(self)
	testproc.Say("self %s %v %d", text, err, os.Getpid())
	if _, err := Marked("A", "b"); err != nil {
		testproc.Say("marked: %v", err)
	}
	for {
		var id ID
		if json.Unmarshal([]byte(next()), &id) != nil {
			return
		}
		_, err := Open(id)
		testproc.Say("%v %v", id.State(HostID()), errors.Is(err, ErrElsewhere))
	}
}

// reuseVictim makes a number come round, and says what becomes of the first one that had it.
func reuseVictim([]string) {
	mountProc("")
	first := exec.Command("sleep", "1000")
	_ = first.Start()
	pid := first.Process.Pid
	id, err := Of(pid)
	held, err1 := Open(id)
	blind, err2 := openPidWith(pid, false)
	if err := errors.Join(err, err1, err2); err != nil {
		testproc.Say("%v", err)
		return
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	testproc.Linger(clockTick)
	if err := useNext(pid); err != nil {
		cant("choose process numbers: %v", err) // a kernel without CONFIG_CHECKPOINT_RESTORE
	}

	second := comeRound(pid)
	now, err := Of(pid)
	testproc.Say("process: %v, equal %v, inode equal %v", err, now == id, now.Inode == id.Inode && id.Inode != 0)
	testproc.Say("held: %v %v", errors.Is(held.Signal(syscall.SIGKILL), ErrGone), errors.Is(held.SignalGroup(syscall.SIGKILL), ErrGone))
	testproc.Say("blind: %v %v", errors.Is(blind.Signal(syscall.SIGKILL), ErrGone), errors.Is(blind.SignalGroup(syscall.SIGKILL), ErrGone))
	_, err = Open(id)
	without := id
	without.Inode = 0
	testproc.Say("open: %v, state %v, without inode %v", errors.Is(err, ErrGone), id.State(HostID()), without.State(HostID()))
	testproc.Say("second: %v", now.State(HostID()))
	_ = second.Process.Kill()
	_ = second.Wait()
	asThread(pid)
	_, err = Of(pid)
	testproc.Say("thread: gone %v, held %v, blind %v, state %v", errors.Is(err, ErrGone), held.alive(), blind.alive(), id.State(HostID()))
}

// comeRound starts a process with the number. It tries until the victim's limit: a new thread may take the number before.
func comeRound(pid int) *exec.Cmd {
	for {
		_ = useNext(pid)
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err == nil && cmd.Process.Pid == pid {
			return cmd
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// asThread starts threads until one has the number.
func asThread(pid int) {
	task := fmt.Sprintf("/proc/self/task/%d", pid)
	for _, err := os.Stat(task); err != nil; _, err = os.Stat(task) {
		_ = useNext(pid)
		go func() { // ends with the victim
			runtime.LockOSThread()
			select {}
		}()
		testproc.Linger(0)
	}
}

// clockTick is longer than the resolution of start times.
const clockTick = 25 * 1e6

// useNext makes the kernel give the number to the next process or thread of the namespace, if it is free.
func useNext(pid int) error {
	return os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(fmt.Sprint(pid-1)), 0)
}

// hiddenVictim looks at root's process as nobody, in a /proc that hides it.
func hiddenVictim([]string) {
	mountProc("hidepid=2")
	cmd := exec.Command("sleep", "1000")
	_ = cmd.Start()
	err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)) // root's group sees all
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	id, err := Of(cmd.Process.Pid)
	testproc.Say("hidden: %v, start %v, inode %v, state %v, image %q", err, id.Start != 0, id.Inode != 0, id.State(HostID()), Image(cmd.Process.Pid))
	_, err = openPidWith(cmd.Process.Pid, false)
	testproc.Say("without pidfds: %v", err)
}

// filteredVictim has a seccomp filter that refuses pidfd_open(2), as those of older container engines do.
func filteredVictim([]string) {
	const setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2 // of prctl(2)
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	filter := [...]instruction{
		{0x20, 0, 0, 0},                               // load the number of the system call
		{0x15, 0, 1, pidfdOpen},                       // if it is not that, skip one
		{0x06, 0, 0, 0x50000 | uint32(syscall.EPERM)}, // return the error
		{0x06, 0, 0, 0x7fff0000},                      // allow
	}
	program := struct {
		length uint16
		filter *instruction
	}{uint16(len(filter)), &filter[0]}
	runtime.LockOSThread() // it is the thread's filter
	_, _, err1 := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0)
	_, _, err2 := syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program)))
	if err1 != 0 || err2 != 0 {
		cant("filter: %v, %v", err1, err2)
	}
	child, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	defer func() { _ = child.Kill() }() // it is not in the group that the test ends
	id, err := Of(child.Pid)
	testproc.Say("of: start %v, inode %v, state %v, %v", id.Start != 0, id.Inode, id.State(HostID()), err)
	p, err := Open(id)
	if err != nil {
		testproc.Say("%v", err)
		return
	}
	err = p.SignalGroup(syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	testproc.Say("killed: %v, %v, state %v", err, p.Wait(ctx), id.State(HostID()))
}

// A talker is a victim that takes commands.
type talker struct {
	*testproc.Proc
	in *os.File
}

func talk(t *testing.T, spec testproc.Spec) talker {
	t.Helper()
	v, err := tryTalk(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tryTalk(t *testing.T, spec testproc.Spec) (talker, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	spec.Stdin = r
	p, err := spec.TryStart(t)
	_ = r.Close()
	return talker{p, w}, err
}

func (v talker) say(line string) { _, _ = fmt.Fprintln(v.in, line) }

// child waits for the n-th line "started PID".
func (v talker) child(t *testing.T, n int) int {
	t.Helper()
	var pids []int
	testproc.Poll(t, "a child", func() bool {
		pids = nil
		for line := range strings.Lines(v.Output()) {
			var pid int
			if _, err := fmt.Sscanf(line, "started %d\n", &pid); err == nil {
				pids = append(pids, pid)
			}
		}
		return len(pids) >= n
	})
	return pids[n-1]
}
