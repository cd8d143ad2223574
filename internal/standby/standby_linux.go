package standby

import (
	"syscall"
	"unsafe"

	"github.com/lastly-go/lastly/internal/auxv"
)

// System calls and constants that package syscall does not have. The numbers are the same on all architectures.
const (
	sysPidfdOpen  = 434
	sysCloseRange = 436

	prSetName = 15

	pidfdGetInfo  = 0xc040ff0b // _IOWR(PIDFS_IOCTL_MAGIC, 11, the first version of struct pidfd_info)
	pidfdInfoExit = 1 << 3

	pollIn = 0x1
)

// ignored are the signals that a waiting guard ignores.
var ignored = [...]syscall.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTSTP,
	syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE,
}

// before is what they did before.
var before [len(ignored)]sigaction

// sigaction is big enough for the kernel's struct sigaction on every architecture. What is in it is the kernel's
// business, but that the handler comes first (it does not on mips, where nothing is ignored).
type sigaction [8]uintptr

const sigIgn = 1

// wait returns nil at once in a process that is no guard.
func wait() *Duty {
	of, ok := syscall.Getenv(Variable)
	if !ok {
		return nil
	}
	_ = syscall.Unsetenv(Variable) // whatever this process starts is no guard
	pid, rest := number(of)
	limit, rest := number(rest)
	stack, rest := number(rest)
	args, path := number(rest)
	if pid == 0 || path == "" || !isSocket(Socket) {
		return nil // not our doing
	}
	if auxv.Secure() {
		syscall.Exit(3) // never the program, a second time
	}
	d := &Duty{Owner: pid, LimitMS: limit, Journal: path, Locks: map[uint64]int{}}
	syscall.CloseOnExec(Socket)
	syscall.CloseOnExec(Pidfd)
	for i, sig := range ignored {
		act := sigaction{sigIgn}
		setAction(sig, &act, &before[i])
	}
	setName(Name)
	closeAbove(Pidfd)
	castagnoli()
	d.await(image{stack, args})
	if d.nothingLeft() {
		syscall.Exit(0)
	}
	return d
}

// Listen undoes what waiting did to the signals: they do again what they do in any Go program.
func (d *Duty) Listen() {
	for i, sig := range ignored {
		setAction(sig, &before[i], nil)
	}
}

// await returns when the owner is dead or has become another program.
func (d *Duty) await(was image) {
	fds := []pollfd{{fd: Pidfd, events: pollIn}, {fd: Socket, events: pollIn}}
	for {
		poll(fds, nil)
		if fds[0].revents != 0 {
			d.drain()
			d.Ask()
			return
		}
		if len(fds) == 1 || d.receive() {
			continue
		}
		// The other end of the socket is closed: by death, which the pidfd tells last; by exec; or by a program that
		// closes all its descriptors, and lives.
		fds = fds[:1]
		if d.execed(was, fds) {
			d.Execed = true
			return
		}
	}
}

// execed tells whether the owner is another program now. While it execs, there is no answer yet.
func (d *Duty) execed(was image, pidfd []pollfd) bool {
	// Nearly always it is death: then the pidfd tells in a moment, and there is nothing to look for.
	if poll(pidfd, &syscall.Timespec{Nsec: 2e6}); pidfd[0].revents != 0 {
		return false
	}
	for range 1000 {
		switch now := imageOf(d.Owner); {
		case !hasProgram(d.Owner):
			return false // it is dying, or lets nobody look
		case now.stack != 0:
			return now != was
		}
		if poll(pidfd, &syscall.Timespec{Nsec: 1e6}); pidfd[0].revents != 0 {
			return false
		}
	}
	return false
}

// poll is ppoll(2).
func poll(fds []pollfd, timeout *syscall.Timespec) {
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
	if errno != 0 && errno != syscall.EINTR {
		syscall.Exit(3)
	}
	if errno != 0 {
		for i := range fds {
			fds[i].revents = 0
		}
	}
}

// drain takes what the owner sent before it died.
func (d *Duty) drain() {
	for d.receive() {
	}
}

// receive takes a message. It returns false when there is none, or nobody to send one.
func (d *Duty) receive() bool {
	var text [16]byte
	control := make([]byte, syscall.CmsgSpace(4))
	n, oobn, _, _, err := syscall.Recvmsg(Socket, text[:], control, syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	fd := -1
	if messages, err := syscall.ParseSocketControlMessage(control[:oobn]); err == nil && len(messages) == 1 {
		if fds, err := syscall.ParseUnixRights(&messages[0]); err == nil && len(fds) == 1 {
			fd = fds[0]
		}
	}
	var key uint64
	if n == 9 {
		key = number64(text[1:], 8)
	}
	switch text[0] {
	case Bye:
		syscall.Exit(0)
	case Lock:
		if fd >= 0 {
			d.Locks[key] = fd
			return true
		}
	case Unlock:
		if held, ok := d.Locks[key]; ok {
			_ = syscall.Close(held)
			delete(d.Locks, key)
		}
	}
	if fd >= 0 {
		_ = syscall.Close(fd)
	}
	return true
}

// Ask asks how the owner ended, if that is not known yet: it is known while it waits to be reaped, and afterwards, but for
// a moment not in between.
func (d *Duty) Ask() {
	if d.StatusKnown || d.Execed {
		return
	}
	d.Status, d.StatusKnown = d.exitStatus()
}

// exitStatus asks the kernel how a process ended that is not our child: while it waits to be reaped, /proc tells, and
// afterwards the pidfd (Linux 6.15).
func (d *Duty) exitStatus() (status int, known bool) {
	if state, code := fieldsOf(d.Owner, 3, 52); state == "Z" || state == "X" { // X while its parent reaps it
		status = toInt(code)
		var info [16]uint32
		if _, reaped := ask(Pidfd, &info); !reaped {
			return status, true // it still was itself
		}
	}
	var info [16]uint32
	return ask(Pidfd, &info)
}

// ask is PIDFD_GET_INFO. struct pidfd_info begins with a mask of 64 bits and ends, in its first version, with the exit code.
func ask(pidfd int, info *[16]uint32) (status int, known bool) {
	info[0] = pidfdInfoExit
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(pidfd), pidfdGetInfo, uintptr(unsafe.Pointer(info)))
	if errno != 0 || info[0]&pidfdInfoExit == 0 {
		return 0, false
	}
	return int(info[15]), true
}

func isSocket(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

type pollfd struct {
	fd      int32
	events  int16
	revents int16
}

// setAction is rt_sigaction(2). Package os/signal is not there yet, and knows no way back from ignoring.
func setAction(sig syscall.Signal, act, old *sigaction) {
	if !canIgnore {
		return
	}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

func setName(name string) {
	text, err := syscall.BytePtrFromString(name)
	if err == nil {
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(text)), 0)
	}
}

// closeAbove closes what the guard inherited: descriptors that the owner had without close-on-exec.
func closeAbove(last int) {
	const all = 1<<32 - 1
	if _, _, errno := syscall.RawSyscall(sysCloseRange, uintptr(last+1), all, 0); errno == 0 {
		return
	}
	for fd := last + 1; fd < 1024; fd++ { // a kernel before 5.9
		_ = syscall.Close(fd)
	}
}
