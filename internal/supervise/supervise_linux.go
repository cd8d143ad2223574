package supervise

import (
	"syscall"

	"github.com/lastly-go/lastly/internal/auxv"
	"github.com/lastly-go/lastly/internal/early"
)

// A supervisor is this process.
type supervisor struct {
	tree
	control, owner int // descriptors; -1: gone
	ended          waiter
	graceMS        int
	spares         bool
	session        int // who is in another one is let go, if spares
	parent         int // who is stopped with the command
	quick

	command  int  // 0: it has ended
	reaping  bool // the owner has seen it
	state    state
	deadline int64 // of the state
	asked    map[int]bool
	seen     map[int]bool // orphans that have not been asked
	killed   map[int]bool // and not reaped yet
	immune   map[int]bool // those of killed that are another user's
	moved    int64        // when the last one ended, or was killed
	nextLook int64
	pause    int64 // until then
}

// Environment is the variable that makes a program a supervisor, which finds its end of the control socket and a pidfd of its
// owner at these descriptors. Without a pidfd it is -1.
//
// Procs goes with it.
func Environment(control, owner int) string {
	text := Variable + "=" + digits(control)
	if owner >= 0 {
		text += " " + digits(owner)
	}
	return text
}

// Procs is a variable that lets a supervisor start faster.
const Procs = "GOMAXPROCS=1"

func begin() bool {
	text, ok := syscall.Getenv(Variable)
	if !ok {
		return false
	}
	_ = syscall.Unsetenv(Variable) // whatever this process starts is none
	control, rest := leading(text)
	if control < 3 || !isSocket(control) {
		return false // not our doing
	}
	if auxv.Secure() {
		syscall.Exit(3) // never the program, a second time
	}
	if rest == launcher {
		launch(control)
	}
	s := &supervisor{control: control, owner: -1, ended: waiter{pipe: [2]int{-1, -1}}, asked: make(map[int]bool), killed: make(map[int]bool), immune: make(map[int]bool)}
	if rest != "" {
		s.owner, _ = leading(rest[1:])
	}
	s.run()
	return true
}

func (s *supervisor) run() {
	deafen()
	setName(Name)
	early.Prctl(prSetChildSubreaper, 1)
	syscall.CloseOnExec(s.control)
	if s.owner >= 0 {
		syscall.CloseOnExec(s.owner)
	}
	config, ok := receiveConfig(s.control)
	if !ok {
		syscall.Exit(3)
	}
	s.graceMS = config.GraceMS
	s.heed(config)
	pid, errno := s.start(config)
	if errno != 0 {
		s.send(Failed, uint64(errno))
		syscall.Exit(0)
	}
	s.command, s.tree = pid, newTree()
	s.settleDown()
	s.quick.begin(pid)
	s.send(Started, uint64(pid))
	for {
		s.step()
	}
}

// start forks the command with the mask of its owner.
func (s *supervisor) start(c *Config) (pid int, errno syscall.Errno) {
	if c.Attr.UseCgroupFD {
		syscall.CloseOnExec(c.Attr.CgroupFD)
	}
	if c.Attr.Foreground {
		syscall.CloseOnExec(c.Attr.Ctty)
	}
	files := make([]uintptr, len(c.Files))
	for i, open := range c.Files {
		if files[i] = uintptr(i); !open { // whatever is there, it is the runtime's
			files[i] = ^uintptr(0)
		}
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Files: files, Sys: &c.Attr}
	if needsLauncher(c) {
		return s.startByLauncher(c, attr)
	}
	before := mask(c.Signals.Blocked)
	pid, err := syscall.ForkExec(c.Path, c.Args, attr)
	mask(before)
	return pid, errnoOf(err)
}

// errnoOf: ForkExec's errors are all of this kind.
func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // package errors would come too late
		return errno
	}
	return syscall.EINVAL
}

// settleDown gives up what belongs to the command: its files, of which a pipe would never end, and the working folder.
func (s *supervisor) settleDown() {
	deafenMore()
	last := 3
	s.control = move(s.control, last)
	if s.owner >= 0 { // it is above the control socket, so that it was not overwritten
		last++
		s.owner = move(s.owner, last)
	}
	closeAbove(last)
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	for fd := range 3 {
		if err != nil || syscall.Dup3(null, fd, 0) != nil {
			_ = syscall.Close(fd)
		}
	}
	if err == nil {
		_ = syscall.Close(null)
	}
	_ = syscall.Chdir("/")
	if s.parent != 0 {
		s.leaveSession()
	}
}

// step waits for something to happen, and does what there is to do.
func (s *supervisor) step() {
	fds := []early.PollFD{
		{FD: int32(s.events()), Events: early.In}, // a negative one is left out by the kernel
		{FD: int32(s.control), Events: early.In},
		{FD: int32(s.owner), Events: early.In},
	}
	early.Poll(fds, s.patience())
	if fds[1].Revents != 0 {
		s.receive()
	}
	if fds[2].Revents != 0 {
		s.orphaned()
	}
	if s.reaping {
		s.reap()
		s.await()
	}
	s.endTree()
	s.letGo()
}

// patience is how long there is nothing to do, in milliseconds.
func (s *supervisor) patience() int64 {
	left := s.untilNext()
	if s.blind && (left < 0 || left > blindTime) {
		return blindTime
	}
	return left
}

func (s *supervisor) untilNext() int64 {
	switch s.state {
	case asking:
		return max(0, min(s.deadline, s.nextLook)-early.Now())
	case killing:
		return max(0, s.nextLook-early.Now())
	}
	if s.isQuick() {
		return max(0, s.until-early.Now())
	}
	return -1
}

// receive takes what the owner says. That the other end is closed means that it died, executes another program, or closed all
// its descriptors: in each case it has lost its hold on the tree.
func (s *supervisor) receive() {
	var message [MessageSize]byte
	switch n, _, err := syscall.Recvfrom(s.control, message[:], syscall.MSG_DONTWAIT); {
	case err == syscall.EAGAIN || err == syscall.EINTR:
	case err != nil || n < len(message): // nothing is sent in parts
		s.orphaned()
	default:
		switch what, number := Parse(message[:]); what {
		case Seen:
			s.reaping = true
		case End:
			s.end(int64(min(number, 1<<40)))
		}
	}
}

// orphaned is called when the owner is gone.
func (s *supervisor) orphaned() {
	_ = syscall.Close(s.control)
	_ = syscall.Close(s.owner)
	s.control, s.owner = -1, -1
	s.reaping = true
	s.end(int64(s.graceMS))
}

func (s *supervisor) send(what byte, number uint64) {
	if s.control >= 0 {
		_ = syscall.Sendmsg(s.control, Message(what, number), nil, nil, noSignal)
	}
}

const noSignal = 0x4000 // MSG_NOSIGNAL

// reap takes all children that have ended. When there is none left, there is no descendant left either.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG|waitAll|s.ended.more, nil); {
		case err == syscall.EINTR:
		case err == syscall.ECHILD:
			s.send(Gone, 0)
			syscall.Exit(0)
		case err != nil || pid == 0:
			return
		case status.Stopped() || status.Continued():
			s.stopped(pid, status)
		case pid == s.command:
			s.command = 0
			s.wake()
			s.send(Ended, uint64(status))
			s.forget(pid)
		default:
			s.forget(pid)
			s.pause = 0
		}
	}
}

// forget a process that was reaped: its number can be another's now.
func (s *supervisor) forget(pid int) {
	delete(s.killed, pid)
	delete(s.immune, pid)
	delete(s.asked, pid)
	s.moved = early.Now()
}
