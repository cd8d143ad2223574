//go:build amd64 || arm64

package engine

import (
	"strconv"
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
	"github.com/lastly-go/lastly/internal/supervise"
)

// A Session is one command that is run.
type Session struct {
	Options  *Options
	Mark     string // of everything that the command starts
	Socket   string // the path on which Listener listens; "": there is none
	NoSocket string // why there is none
	Listener int    // a descriptor; -1: somebody else's, or none

	Inner   int // the process that holds the tree
	Command int // and the command

	inherited supervise.Signals
	direct    bool // there is no inner process: the command is a child
	shared    bool // the command is in this process's group
	signals   int  // the pipe of caught
	full      bool // it was, or nearly
	control   int  // the socket to the inner process
	target    int  // a pidfd of the command; -1: none

	ended, gone bool
	Status      syscall.WaitStatus // of the command, when it has ended
	TimedOut    bool
	Lost        bool  // the inner process was killed
	deadline    int64 // of the timeout; 0: none
	late        int   // signals that came after the command's end
	contAt      int64 // when is looked whether the command was continued; 0: not
	stopPassed  bool  // to the command, and no SIGCONT since

	earlier map[int]bool // children from before this process was lastly

	served bool          // others in this process start children, too
	strays map[int]int64 // children that have ended, and since when that is known
}

// Prepare makes this process ready to run a command: from now on it takes signals.
func Prepare(o *Options) (*Session, error) {
	s := newSession(o)
	return s, s.prepare()
}

func newSession(o *Options) *Session {
	return &Session{Options: o, Listener: -1, control: -1, target: -1, shared: hasTerminal(), earlier: childrenBefore()}
}

func (s *Session) prepare() (err error) {
	s.inherited, err = supervise.Inherited(func() error {
		s.signals, err = catch()
		return err
	})
	if err != nil {
		return &StartError{CodeOwn, "make a pipe for signals: " + err.Error() + "; raise the limit of open files (ulimit -n)"}
	}
	becomeSubreaper()
	s.Mark = newMark()
	return nil
}

func newMark() string {
	const digits = "0123456789abcdef"
	var bytes [16]byte
	random(bytes[:])
	text := make([]byte, 0, 2*len(bytes))
	for _, b := range bytes {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

// Start starts the command, with env added to the environment. The error is a *StartError.
func (s *Session) Start(env ...string) error {
	name := s.Options.Command[0]
	path, errno := lookUp(name)
	if errno == 0 {
		if s.direct {
			return orFailed(name, s.startDirect(path, s.environment(env)), nil)
		}
		config := s.config(path, env)
		if errno, err := s.spawn(config); err != nil {
			return err
		} else if errno == syscall.ENOEXEC { // as execvp(3) does
			config.Path, config.Args = "/bin/sh", append([]string{"/bin/sh", path}, config.Args[1:]...)
			errno, err = s.spawn(config)
			return orFailed(name, errno, err)
		} else {
			return orFailed(name, errno, nil)
		}
	}
	return orFailed(name, errno, nil)
}

func orFailed(name string, errno syscall.Errno, err error) error {
	if err != nil || errno == 0 {
		return err
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR:
		text := "command not found; look at its name and at PATH"
		if index(name, '/') >= 0 {
			text = "no such file, or not what its first line (#!) names as its interpreter; look at the path"
		}
		return &StartError{CodeNotFound, name + ": " + text}
	case syscall.EACCES:
		return &StartError{CodeCannotExec, name + ": permission denied; make it executable (chmod +x), and its folders accessible"}
	}
	return &StartError{CodeCannotExec, name + ": can't be executed: " + errno.Error() + "; try it without lastly run"}
}

func (s *Session) config(path string, env []string) *supervise.Config {
	c := &supervise.Config{
		Path: path, Args: s.Options.Command, Env: s.environment(env), Files: []bool{true, true, true},
		Signals: s.inherited, GraceMS: int(s.Options.Grace), Stops: s.shared, LetGo: s.Options.LetGo,
	}
	c.Attr.Setpgid = true
	if s.shared {
		c.Attr.Pgid = syscall.Getpgrp()
		c.Attr.Setpgid = !s.sharesUnnamed()
	}
	return c
}

// sharesUnnamed: the command is to be in this process's group, which began outside of this PID namespace (unshare --pid, on a
// terminal) and so has no number here. Then the inner process stays in it as well.
func (s *Session) sharesUnnamed() bool { return s.shared && syscall.Getpgrp() == 0 }

// environment is the command's: this process's own, and what is added.
func (s *Session) environment(added []string) (env []string) {
	added = append(added, MarkVariable+"="+s.Mark)
	if s.Socket != "" {
		added = append(added, SocketVariable+"="+s.Socket, JournalVariable+"="+parentOf(s.Socket))
	} else if s.NoSocket != "" {
		added = append(added, SocketVariable+"="+NoSocketMark+s.NoSocket)
	}
	for _, entry := range syscall.Environ() {
		name, value, _ := cut(entry, '=')
		if name == MarkVariable && value != "" {
			for i := range added {
				if hasPrefix(added[i], MarkVariable+"=") {
					added[i] = MarkVariable + "=" + value + ":" + s.Mark
				}
			}
		}
		if name != supervise.Variable && name != SocketVariable && !has(added, name) {
			env = append(env, entry)
		}
	}
	return append(env, added...)
}

// parentOf is the folder that a path is in.
func parentOf(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return "/"
}

func has(env []string, name string) bool {
	for _, entry := range env {
		if hasPrefix(entry, name+"=") {
			return true
		}
	}
	return false
}

// spawn starts the inner process if it is not there yet, which starts the command. errno is why that did not work.
func (s *Session) spawn(c *supervise.Config) (errno syscall.Errno, err error) {
	if s.Inner == 0 {
		if err := s.fork(); err != nil {
			return 0, err
		}
	}
	return s.handshake(c)
}

// fork starts the inner process, which waits to be told what to start.
func (s *Session) fork() error {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return &StartError{CodeOwn, "make a socket: " + err.Error() + "; raise the limit of open files (ulimit -n)"}
	}
	defer func() { _ = syscall.Close(ends[1]) }()
	owner := early.PidfdOpen(syscall.Getpid())
	if owner >= 0 {
		defer func() { _ = syscall.Close(owner) }()
		if owner < ends[1] {
			owner = above(owner, ends[1])
			defer func() { _ = syscall.Close(owner) }()
		}
	}
	s.control = ends[0]
	attr := &syscall.ProcAttr{
		Files: files(max(ends[1], owner), ends[1], owner),
		Env:   append(loaderEnvironment(), supervise.Environment(ends[1], owner), supervise.Procs),
		Sys:   &syscall.SysProcAttr{Setpgid: !s.sharesUnnamed()},
	}
	s.Inner, err = syscall.ForkExec("/proc/self/exe", []string{supervise.Name}, attr)
	if err != nil {
		s.Inner = 0
		return &StartError{CodeOwn, "start the process that holds the command's tree: " + err.Error() + "; it is this program itself (/proc/self/exe), so look at /proc, and at the limits of processes and of open files (ulimit -u, -n)"}
	}
	return nil
}

// above gives a descriptor a number beyond another one: the inner process expects that.
func above(fd, floor int) int {
	if dup, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, uintptr(floor+1)); errno == 0 {
		return int(dup)
	}
	return fd
}

// files passes on what this process has inherited, at its numbers, and the two of the inner process. What is above them goes
// along by itself, as with any exec.
func files(last int, own ...int) (files []uintptr) {
	for fd := range last + 1 {
		flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		keep := errno == 0 && flags&syscall.FD_CLOEXEC == 0
		for _, one := range own {
			keep = keep || fd == one
		}
		if keep {
			files = append(files, uintptr(fd))
		} else {
			files = append(files, ^uintptr(0))
		}
	}
	return files
}

// loaderEnvironment is what a program that is not static needs to start.
func loaderEnvironment() (env []string) {
	for _, entry := range syscall.Environ() {
		if hasPrefix(entry, "LD_") {
			env = append(env, entry)
		}
	}
	return env
}

const noSignal = 0x4000 // MSG_NOSIGNAL

// handshake tells the inner process what to start, and hears whether it could.
func (s *Session) handshake(c *supervise.Config) (errno syscall.Errno, err error) {
	for text := c.Encode(); len(text) > 0; {
		n, err := syscall.SendmsgN(s.control, text, nil, nil, noSignal)
		if err != nil && err != syscall.EINTR {
			return 0, s.silent()
		}
		text = text[max(n, 0):]
	}
	what, number, ok := s.receive(false)
	switch {
	case !ok:
		return 0, s.silent()
	case what == supervise.Failed:
		s.forget()
		return syscall.Errno(number), nil
	}
	s.Command = int(number)
	s.begun()
	s.say(supervise.Seen, 0)
	return 0, nil
}

// begun notes that the command runs.
func (s *Session) begun() {
	s.target = early.PidfdOpen(s.Command)
	if t := s.Options.Timeout; t > 0 {
		s.deadline = early.Now() + int64(t)
		if s.shared {
			wakeAt(int64(t))
		}
	}
	if s.shared { // what lastly and its hooks write may go to a terminal that stops who writes in the background (stty tostop)
		setAction(int(syscall.SIGTTOU), &sigaction{handler: ignored}, nil)
	}
	s.passEarly()
}

// silent is the error for an inner process that died before it said what became of the command. That may run already: then it is
// this process's now, and ended.
func (s *Session) silent() error {
	status := s.forget()
	s.endAdopted()
	if sig := int(status.Signal()); status.Signaled() && asksForEnd(sig) { // a key that was pressed while it was forked, in this group
		return &StartError{128 + sig, "received " + signalName(sig) + " before the command had begun"}
	}
	return &StartError{CodeOwn, "the process that holds the command's tree ended at its start (" + describe(status) + "); is lastly set-user-id, or does something kill what is called " + supervise.Name + "?"}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return signalName(int(status.Signal()))
	}
	return "exit status " + strconv.Itoa(status.ExitStatus())
}

// abandon ends the inner process, which has no command.
func (s *Session) abandon() {
	if s.Inner != 0 {
		s.forget()
	}
}

// forget reaps the inner process.
func (s *Session) forget() (status syscall.WaitStatus) {
	_ = syscall.Close(s.control)
	s.control = -1
	for {
		if _, err := syscall.Wait4(s.Inner, &status, 0, nil); err != syscall.EINTR {
			s.Inner = 0
			return status
		}
	}
}

func (s *Session) say(what byte, number uint64) {
	if s.control >= 0 {
		_ = syscall.Sendmsg(s.control, supervise.Message(what, number), nil, nil, noSignal)
	}
}

// receive reads one message of the inner process, which sends none in parts.
func (s *Session) receive(atOnce bool) (what byte, number uint64, ok bool) {
	flags := 0
	if atOnce {
		flags = syscall.MSG_DONTWAIT
	}
	message := make([]byte, supervise.MessageSize)
	for {
		n, _, err := syscall.Recvfrom(s.control, message, flags)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, 0, true
		case err != nil || n < len(message):
			return 0, 0, false
		default:
			what, number = supervise.Parse(message)
			return what, number, true
		}
	}
}
