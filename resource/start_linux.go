package resource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/standby"
	"github.com/lastly-go/lastly/internal/supervise"
)

// startLimit is how long a supervisor may take to start its command. It takes milliseconds; what hangs is a C library's
// constructor, or the disk.
const startLimit = time.Minute

// selfImage is this program also when its file was replaced or removed.
const selfImage = "/proc/self/exe"

// A supervised tree is held by a supervisor.
type supervised struct {
	cmd     *shadow // the supervisor
	name    string
	mark    string
	grace   time.Duration
	sock    *os.File
	pid     int           // of the command
	command *proc.Process // nil: it ended at once

	// What follows is set before the tree is gone.
	lost  bool          // the supervisor was killed
	kills []action.Kill // what is known of the tree then; see lose
}

func (p *Process) launch(cmd *exec.Cmd) (tree, error) {
	if why := noSupervisor(); why != "" {
		return p.launchDirect(cmd, why)
	}
	config, err := configOf(cmd)
	if err != nil {
		return nil, err
	}
	config.Env = durable.WithMark(config.Env, p.mark)
	config.GraceMS = int(p.grace.Milliseconds())
	shadow, err := p.prepare(cmd)
	if err != nil {
		return nil, err
	}
	t := &supervised{cmd: shadow, name: p.name, mark: p.mark, grace: p.grace}
	if err := t.start(p, config); err != nil {
		p.abandon()
		return nil, err
	}
	p.flow()
	// A handle of its own, which is closed when it is collected: Release would write to the Pid that the user may just read.
	cmd.Process, err = os.FindProcess(t.pid)
	if err != nil {
		cmd.Process = nil
	}
	t.say(supervise.Seen, 0) // nobody reaped it before
	return t, nil
}

// noSupervisor says why there can't be one.
func noSupervisor() string {
	if proc.Secure() || os.Getuid() != os.Geteuid() {
		return "the program has rights that its caller has not (set-user-id, set-group-id or file capabilities)"
	}
	if !isProgram() {
		return "lastly is part of another program, which would run a second time"
	}
	if err := edge.At("supervisor"); err != nil {
		return err.Error()
	}
	if _, err := os.Stat(selfImage); err != nil {
		return "this program can't start itself: " + err.Error()
	}
	return ""
}

// isProgram reports whether the process's image is this Go program, and not another one that loaded it as a library.
func isProgram() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-buildmode" {
			return s.Value == "exe" || s.Value == "pie"
		}
	}
	return true
}

// configOf is what the supervisor has to know.
func configOf(cmd *exec.Cmd) (*supervise.Config, error) {
	c := &supervise.Config{Path: cmd.Path, Dir: cmd.Dir, Args: cmd.Args, Env: cmd.Environ(), Files: make([]bool, 3, 3+len(cmd.ExtraFiles))}
	if len(c.Args) == 0 {
		c.Args = []string{cmd.Path}
	}
	for i, stream := range []any{cmd.Stdin, cmd.Stdout, cmd.Stderr} {
		f, isFile := stream.(*os.File)
		c.Files[i] = !isFile || isOpen(f)
	}
	for _, f := range cmd.ExtraFiles {
		c.Files = append(c.Files, isOpen(f))
	}
	c.Env = slices.DeleteFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, supervise.Variable+"=") })
	switch {
	case cmd.SysProcAttr != nil:
		c.Attr = *cmd.SysProcAttr
	case !readsTerminal(cmd):
		c.Attr.Setpgid = true
		return c, nil
	}
	switch a := &c.Attr; {
	case a.Ptrace:
		return nil, errors.New("SysProcAttr.Ptrace: a tracer has to be the command's parent, and that is its supervisor; start it with cmd.Start")
	case a.PidFD != nil:
		return nil, errors.New("SysProcAttr.PidFD: the command is not this process's child; leave it out, and open one by Process.Pid")
	case !a.Setsid && !a.Setpgid && !a.Foreground && a.Cloneflags&syscall.CLONE_NEWPID == 0:
		// The supervisor is in a group of its own; the command belongs to this process's. In a new PID namespace that has
		// no number. A group that began outside of this PID namespace (docker exec) has none either: the supervisor stays in it.
		a.Pgid = syscall.Getpgrp()
		a.Setpgid = a.Pgid != 0
	}
	return c, nil
}

// isOpen is false for nil, too: whatever the supervisor has at the number of a closed file is not the command's.
func isOpen(f *os.File) bool { return f.Fd() != ^uintptr(0) }

// start starts the supervisor in the place of the command, and waits for the command's start.
func (t *supervised) start(p *Process, c *supervise.Config) (err error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "control socket")
	_ = syscall.SetNonblock(ends[0], true) // so that reading it blocks a goroutine, not a thread
	t.sock = os.NewFile(uintptr(ends[0]), "control socket of a supervisor")
	defer func() {
		if err != nil {
			_ = t.sock.Close()
		}
	}()
	err = t.fork(c, theirs)
	_ = theirs.Close() // so that the supervisor's death is heard
	if path, ok := errors.AsType[*os.PathError](err); ok && path.Path == selfImage {
		return fmt.Errorf("its supervisor: %w", err)
	} else if err != nil {
		return err
	}
	p.closeTheirs() // so that a pipe's other end knows
	what, number, err := t.handshake(c)
	switch {
	case err != nil:
		return errors.Join(err, t.abort())
	case what == supervise.Failed:
		_, _ = t.cmd.Process.Wait() // it has nothing more to do
		t.release(true, true)
		return &os.PathError{Op: "fork/exec", Path: c.Path, Err: syscall.Errno(number)}
	}
	p.pid, t.pid = int(number), int(number)
	t.command, err = proc.OpenPid(t.pid)
	if err != nil && !errors.Is(err, proc.ErrGone) {
		return errors.Join(err, t.abort())
	}
	return nil
}

// abort ends what the supervisor may have started, but nobody holds: it died in between, or this process has no descriptor left.
func (t *supervised) abort() error {
	hung := time.AfterFunc(afterGrace, func() { _ = t.cmd.Process.Kill() })
	t.say(supervise.Seen, 0)
	t.end(0)
	orderly, lost := t.hear(func(syscall.WaitStatus) {})
	hung.Stop()
	t.release(true, true)
	if orderly {
		return lost
	}
	kill, err := action.Kill{Mark: t.mark}.Capture()
	if err == nil {
		err = kill.Do(context.Background()) // has a limit of its own
	}
	return err
}

// fork starts the supervisor. What the user's command has of package exec goes with it.
func (t *supervised) fork(c *supervise.Config, control *os.File) error {
	extra := []*os.File{control}
	owner := -1
	if fd, err := standby.PidfdOf(os.Getpid()); err == nil {
		self := os.NewFile(uintptr(fd), "pidfd")
		defer func() { _ = self.Close() }()
		owner = len(c.Files) + 1
		extra = append(extra, self)
	}
	for _, fd := range foreign(&c.Attr) {
		dup, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(*fd), syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			return fmt.Errorf("the descriptor %d of cmd.SysProcAttr (CgroupFD, Ctty): %w", *fd, errno)
		}
		f := os.NewFile(dup, "descriptor of SysProcAttr")
		defer func() { _ = f.Close() }()
		*fd = len(c.Files) + len(extra)
		extra = append(extra, f)
	}
	t.cmd.Path, t.cmd.Args = selfImage, []string{supervise.Name}
	t.cmd.Env = append(runtimeEnvironment(), supervise.Environment(len(c.Files), owner))
	t.cmd.Dir = "" // the command's is relative to this process's
	t.cmd.ExtraFiles = append(slices.Clone(t.cmd.ExtraFiles), extra...)
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: c.Attr.Setpgid || c.Attr.Setsid || syscall.Getpgrp() != 0}
	signals, err := supervise.Inherited(t.cmd.Start)
	c.Signals = signals
	return err
}

// foreign are the descriptors of this process that the attributes name.
func foreign(a *syscall.SysProcAttr) (fds []*int) {
	if a.UseCgroupFD {
		fds = append(fds, &a.CgroupFD)
	}
	if a.Foreground {
		fds = append(fds, &a.Ctty)
	}
	return fds
}

// runtimeEnvironment is what a program needs to find its shared libraries, and what keeps the Go runtime from opening files of its
// control group, which a supervisor has no use for. What the environment has of secrets, settings and marks is not for it.
func runtimeEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return !strings.HasPrefix(v, "LD_") })
	return append(env, "GODEBUG=containermaxprocs=0,updatemaxprocs=0")
}

// handshake tells the supervisor what to start, and hears whether it could.
func (t *supervised) handshake(c *supervise.Config) (what byte, number uint64, err error) {
	if err := edge.At("handshake"); err != nil {
		return 0, 0, err
	}
	_ = t.sock.SetDeadline(time.Now().Add(startLimit))
	defer func() { _ = t.sock.SetDeadline(time.Time{}) }()
	if _, err := t.sock.Write(c.Encode()); err != nil {
		_ = t.sock.Close() // what is said later must not pass for the rest
		return 0, 0, silent(err)
	}
	if what, number, err = t.receive(); err != nil {
		return 0, 0, silent(err)
	}
	return what, number, nil
}

func silent(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("its supervisor is not ready after %v: this program, started again, does not get to package lastly, or was stopped", startLimit)
	}
	return fmt.Errorf("its supervisor died at its start, and the command, if it ran, was killed: %w", err)
}

func (t *supervised) receive() (what byte, number uint64, err error) {
	var message [supervise.MessageSize]byte
	if _, err := io.ReadFull(t.sock, message[:]); err != nil {
		return 0, 0, err
	}
	what, number = supervise.Parse(message[:])
	return what, number, nil
}

// say never waits once the supervisor has its Config: the socket takes far more than is said then.
func (t *supervised) say(what byte, number uint64) {
	_, _ = t.sock.Write(supervise.Message(what, number))
}

func (t *supervised) signal(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	switch {
	case !ok:
		return errors.New("it is no signal of this system")
	case t.command == nil:
		return os.ErrProcessDone
	}
	err := t.command.Signal(number)
	if errors.Is(err, proc.ErrGone) || errors.Is(err, os.ErrClosed) {
		return os.ErrProcessDone
	}
	return err
}

func (t *supervised) end(grace time.Duration) {
	t.say(supervise.End, uint64(max(0, grace.Milliseconds())))
	_ = t.cmd.Process.Signal(syscall.SIGCONT) // should somebody have stopped it
}

// hear hears what the supervisor says, to its end: whether that was in order, and what it had to leave.
func (t *supervised) hear(ended func(syscall.WaitStatus)) (orderly bool, lost error) {
	for {
		what, number, err := t.receive()
		if err != nil {
			break
		}
		switch what {
		case supervise.Ended:
			ended(syscall.WaitStatus(number))
		case supervise.Left:
			lost = errors.Join(lost, leftError(int(number)))
		case supervise.Gone:
			orderly = true
		}
	}
	_, _ = t.cmd.Process.Wait() // at once: it is dead or dying
	return orderly, lost
}

func (t *supervised) watch(p *Process) {
	orderly, lost := t.hear(func(status syscall.WaitStatus) { p.hasExited(statusError(t.name, status)) })
	_ = t.sock.Close()
	if !orderly {
		lost = errors.Join(lost, t.lose(p))
		p.hasExited(fmt.Errorf("lastly: child %s: how it ended is not known: its supervisor was killed", t.name))
	}
	if t.command != nil {
		_ = t.command.Close()
	}
	p.isGone(lost)
}

// leftError names a process that the supervisor could not end. It is this process's grandchild still, or init's already.
func leftError(pid int) error {
	if pid == 0 {
		return errors.New("something of it is left that can't be seen, for /proc is missing, or that of another PID namespace: mount one")
	}
	why := "it does not die of SIGKILL, and hangs in the kernel: look at its disk or network filesystem"
	if errors.Is(syscall.Kill(pid, 0), syscall.EPERM) {
		why = "it is another user's: end it as that user or as root"
	}
	return fmt.Errorf("process %d (%s) is left: %s", pid, supervise.NameOf(pid), why)
}

// describe: when the owner is gone, the supervisor ends the tree. It gets its time, so that nobody gets SIGTERM a second time from
// whoever settles the record; that one ends what bears the mark only if the supervisor was killed, too.
func (t *supervised) describe(payload *durable.Process) {
	payload.Pid, payload.Await = t.cmd.Process.Pid, t.grace+afterGrace
}

func (t *supervised) note() string {
	return fmt.Sprintf("process %d, supervised by process %d", t.pid, t.cmd.Process.Pid)
}

func (t *supervised) release(waited, reaped bool) { t.cmd.release(waited, reaped) }
