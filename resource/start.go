package resource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/proc"
)

const (
	// DefaultGrace is how long a tree of processes has between SIGTERM and SIGKILL when cmd.WaitDelay is 0.
	DefaultGrace = 5 * time.Second

	// afterGrace is how long SIGKILL may take.
	afterGrace = 5 * time.Second

	// longestGrace fits, in milliseconds, into an int of 32 bits, and whatever is added to it.
	longestGrace = 500 * time.Hour
)

// Start starts a command whose whole process tree belongs to s: what it starts, what that starts, and so on, also in other
// process groups and sessions, also daemons. At its place in the order, everything that is left of the tree gets SIGTERM, a
// grace to end in, and then SIGKILL. If this process dies by any cause, the same happens at once.
//
//	cmd := exec.CommandContext(ctx, "ffmpeg", "-i", in, out)
//	cmd.Stderr = &log
//	p, err := resource.Start(scope, cmd)
//	...
//	err = p.Wait()
//
// The command may end by itself. What it has left running then lives until the scope's turn; if there is nothing, the
// hook is gone as well. Stop ends the tree early.
//
// # The command
//
// All fields of cmd that are set before the start mean what they mean to package exec, but for these:
//
//   - WaitDelay, if not 0, is also the grace, cut when the hook has less time, and at 500 hours; else that is DefaultGrace.
//   - The end of the context of exec.CommandContext ends the whole tree, with its grace, unless the command has ended before. A
//     Cancel of one's own is called first, and the tree is ended when the command has, or when the grace is over; at once when
//     Cancel fails. Without Cancel the context means nothing.
//   - SysProcAttr nil starts the command in a process group of its own, so that Ctrl-C at the terminal reaches the program and
//     not the command, whose turn comes in the order. A command whose Stdin is a terminal stays in the program's group,
//     because the kernel would stop it when it reads; so does any command with &syscall.SysProcAttr{}.
//   - SysProcAttr.Pdeathsig is ignored: what it is for happens anyway, without its trap (golang/go#27505: it fires when a thread
//     of this process ends). Ptrace and PidFD are refused.
//
// Afterwards use the Process. cmd.Process is the command too, but not a child: cmd.Wait would fail, and must not be called.
// It holds a descriptor until it is collected as garbage. cmd.ProcessState stays nil.
//
// # How
//
// On Linux a small process stands between this one and the command: the program's own image, called lastly-supervisor in ps,
// which waits before anything of the program has begun. It adopts the orphans of the tree. The command also bears a mark in its
// environment, as with durable.Kill. Should somebody kill the supervisor, the command is ended at once, with its process group,
// what descends from it and what bears the mark, and the hook fails and says so, because what had left the command's family and
// cleared its environment, or writes a title over it (as servers do), is not found. If this process is killed together with the
// supervisor, only what bears the mark is ended. Nothing of this process is changed: neither its signals nor the kernel's
// attributes of it.
//
// There is no supervisor on other systems, in a program with set-user-id or file capabilities, without /proc, and where lastly
// is part of another program. Then only the command's process group, and on Linux what bears the mark, can be ended. A program
// that closes all its descriptors, or becomes another one by exec, has let go of its trees: they end.
//
// It fails like cmd.Start, and with lastly.ErrClosed or ErrClosing if s has no place for a command any more. On an error
// nothing is registered, and nothing runs. It may be called from a hook.
func Start(s *lastly.Scope, cmd *exec.Cmd) (*Process, error) {
	site := callerSite()
	if cmd == nil || cmd.Process != nil {
		return nil, errors.New("lastly: start a child: cmd is nil, or was started already; make a new one with exec.Command for each start")
	}
	p := &Process{
		name: commandName(cmd), grace: graceOf(cmd),
		ready: make(chan struct{}), exited: make(chan struct{}), done: make(chan struct{}), gone: make(chan struct{}),
	}
	if err := p.start(s, cmd, site); err != nil {
		failed := *cmd
		failed.Err = err
		_ = failed.Start() // does nothing but what it does on failure: it closes the pipes that were made for it
		return nil, fmt.Errorf("lastly: start child %s: %w%s", p.name, err, advice(cmd, err))
	}
	return p, nil
}

func (p *Process) start(s *lastly.Scope, cmd *exec.Cmd, site uintptr) (err error) {
	if err := check(cmd); err != nil {
		return err
	}
	p.mark = durable.NewMark()
	p.record, err = registerDurable(durable.Kill, s, durable.Process{Mark: p.mark, Grace: p.grace}, p.hook(), site)
	if err != nil {
		return err
	}
	if !p.begin() {
		return closedError(s)
	}
	defer close(p.ready)
	t, err := p.launch(cmd)
	if err != nil {
		p.record.Cancel()
		return err
	}
	p.tree = t
	if err := p.tell(); err != nil {
		p.tree.end(0)
		p.tree.watch(p)
		<-p.gone
		return err
	}
	go p.tree.watch(p) // ends with the tree
	return nil
}

// tell writes down who holds the tree: whoever settles the record waits for that one. Should this process die before, a moment
// after the command has begun, both ask the tree to end.
func (p *Process) tell() error {
	payload := durable.Process{Mark: p.mark, Grace: p.grace}
	p.tree.describe(&payload)
	err := p.record.Update(payload)
	if errors.Is(err, proc.ErrGone) || errors.Is(err, durable.ErrStruck) {
		return nil // it was quick, and is not reaped yet; or the hook already runs
	}
	return err
}

func (p *Process) hook() lastly.Hook {
	h := lastly.Hook{Name: "child " + p.name, Run: p.end, Note: p.note}
	if p.grace > DefaultGrace {
		h.Timeout = p.grace + afterGrace // else the scope's is enough, or is meant to be
	}
	return h
}

func (p *Process) note() string {
	select {
	case <-p.ready:
		if p.tree != nil {
			return p.tree.note()
		}
	default:
	}
	return ""
}

// check finds what cmd.Start would find before it starts anything.
func check(cmd *exec.Cmd) error {
	switch {
	case cmd.Err != nil:
		return cmd.Err
	case cmd.Path == "":
		return errors.New("exec: no command")
	case slices.ContainsFunc(cmd.Env, func(v string) bool { return strings.Contains(v, "\x00") }):
		return errors.New("exec: environment variable contains NUL")
	case cmd.SysProcAttr == nil && cmd.Dir != "":
		if _, err := os.Stat(cmd.Dir); err != nil {
			return &os.PathError{Op: "chdir", Path: cmd.Dir, Err: errors.Unwrap(err)}
		}
	}
	return nil
}

// advice is what to do about an error.
func advice(cmd *exec.Cmd, err error) string {
	for _, a := range []struct {
		is   error
		text string
	}{
		{lastly.ErrClosed, "start it earlier, or on a scope that is open"},
		{lastly.ErrClosing, "start it earlier, or on a scope that is open"},
		{exec.ErrNotFound, "install it, or give its path"},
		{exec.ErrDot, "write ./ before its name if that is meant"},
		{syscall.EACCES, adviceOnAccess(cmd)},
		{syscall.EPERM, "this user may not do what cmd.SysProcAttr asks for (Credential, namespaces, a process group of another session)"},
		{syscall.EAGAIN, "there are as many processes as may be: look at ulimit -u, and at pids.max of the control group"},
		{syscall.EMFILE, "this program has as many open files as it may: close some, or raise ulimit -n"},
		{syscall.ENOEXEC, "it is no program of this system: a script begins with #! and its interpreter"},
		{syscall.E2BIG, "arguments and environment are too big together: hand some of it over in a file, or by cmd.Stdin"},
		{syscall.EINVAL, "look for zero bytes in cmd.Args and cmd.Dir, and at cmd.SysProcAttr"},
		{syscall.ENOTTY, "what cmd.SysProcAttr says of a terminal (Setctty, Noctty, Foreground) needs one"},
		{syscall.ENOTDIR, "look at its path and at cmd.Dir"},
		{os.ErrNotExist, adviceOnAbsence(cmd)},
	} {
		if errors.Is(err, a.is) {
			return "; " + a.text
		}
	}
	return ""
}

func adviceOnAccess(cmd *exec.Cmd) string {
	if info, err := os.Stat(cmd.Path); err == nil && info.IsDir() {
		return "it is a folder: give the path of a program in it"
	}
	return "make it executable (chmod +x) and its folders accessible for this user"
}

func adviceOnAbsence(cmd *exec.Cmd) string {
	if _, err := os.Stat(cmd.Path); err == nil && cmd.Dir == "" && cmd.SysProcAttr == nil {
		return "the file is there, but not what its first line (#!) or its format names as its interpreter"
	}
	return "look at its path, and at cmd.Dir and cmd.SysProcAttr"
}

// commandName is what hooks and errors call it: arguments may hold secrets.
func commandName(cmd *exec.Cmd) string {
	if len(cmd.Args) > 0 && cmd.Args[0] != "" {
		return filepath.Base(cmd.Args[0])
	}
	return filepath.Base(cmd.Path)
}

func graceOf(cmd *exec.Cmd) time.Duration {
	if cmd.WaitDelay > 0 {
		return min(cmd.WaitDelay, longestGrace)
	}
	return DefaultGrace
}

func closedError(s *lastly.Scope) error {
	select {
	case <-s.Closed():
		return lastly.ErrClosed
	default:
		return lastly.ErrClosing
	}
}

// prepare makes what is started of a command: package exec keeps what belongs to it (pipes, the context) in unexported fields, which
// a copy has too.
func (p *Process) prepare(cmd *exec.Cmd) (*shadow, error) {
	c := *cmd
	p.original = *cmd
	if c.Cancel != nil {
		c.Cancel = p.cancelBy(cmd.Cancel)
	}
	p.delay, c.WaitDelay = c.WaitDelay, 0 // package exec's would kill the supervisor
	return &shadow{Cmd: &c}, p.wire(&c)
}

// cancelBy makes what is called when the command's context ends. It does not wait: package exec would wait for it, also when the
// start fails.
func (p *Process) cancelBy(cancel func() error) func() error {
	byDefault := exec.CommandContext(context.Background(), "true").Cancel
	own := reflect.ValueOf(cancel).Pointer() != reflect.ValueOf(byDefault).Pointer()
	return func() error {
		go p.contextEnded(cancel, own) // ends with the tree
		return nil
	}
}

func (p *Process) contextEnded(cancel func() error, own bool) {
	<-p.ready
	if p.tree == nil {
		return
	}
	select {
	case <-p.exited:
		return // what it has left running is not the context's business
	default:
	}
	told := make(chan struct{})
	p.mu.Lock()
	p.canceled, p.told = true, told // before Cancel, which may end the command
	p.mu.Unlock()
	var err error
	if own {
		err = cancel()
	}
	p.cancel = err
	close(told)
	if own && err == nil {
		p.awaitExit(p.grace)
	}
	_ = p.Stop(context.Background()) // what fails stays registered, and is reported at its place
}

// contextError is what Wait returns: with Cancel's error, and with the context's if the command exited with 0 after its end.
// Package exec does not give the context away, but Start does tell the error of one that has ended, before anything else.
// That it closes the command's pipes does not matter here, because Wait would.
func (p *Process) contextError() error {
	p.mu.Lock()
	canceled, told := p.canceled, p.told
	p.mu.Unlock()
	var err error
	if canceled {
		<-told // as package exec waits for Cancel
		err = p.cancel
	}
	switch {
	case !canceled || errors.Is(err, os.ErrProcessDone):
		return p.err
	case err != nil:
		return errors.Join(p.err, fmt.Errorf("lastly: child %s: its Cancel: %w", p.name, err))
	case p.err != nil:
		return p.err
	}
	again := p.original
	again.Path, again.Err = os.DevNull, nil // nothing that could ever be started
	return fmt.Errorf("lastly: child %s: its context ended: %w", p.name, again.Start())
}

// awaitExit waits for the command's own end.
func (p *Process) awaitExit(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
	}
}
