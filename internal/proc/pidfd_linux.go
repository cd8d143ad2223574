package proc

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// A pidfd is a descriptor of a process: pidfd_open(2). It stays that process's when the number is used again.
type pidfd struct {
	file *os.File // non-blocking, so that the runtime's poller can wait for it
}

// openPidfd returns nil without an error where there are no pidfds.
func openPidfd(pid int) (*pidfd, error) {
	fd, _, errno := syscall.Syscall(pidfdOpen, uintptr(pid), 0, 0)
	switch errno {
	case 0:
	case syscall.ESRCH, syscall.EINVAL, syscall.ENOENT: // the latter two: it is the number of a thread, not of a process
		return nil, ErrGone
	case syscall.ENOSYS, syscall.EPERM, syscall.EACCES: // an old kernel, or a seccomp filter
		return nil, nil
	default:
		return nil, os.NewSyscallError("pidfd_open", errno)
	}
	if err := syscall.SetNonblock(int(fd), true); err != nil { // PIDFD_NONBLOCK is of Linux 5.10
		_ = syscall.Close(int(fd))
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &pidfd{os.NewFile(fd, "pidfd")}, nil
}

// use calls what with the descriptor, which can't be closed and become another file meanwhile.
func (p *pidfd) use(what func(fd uintptr) error) error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = what(fd) }); err != nil {
		return os.ErrClosed // the only reason, but the error itself is internal/poll's
	}
	return failed
}

// pidfsMagic is the type of the filesystem whose inode numbers identify processes. Before, all pidfds had the same inode.
const pidfsMagic = 0x50494446

func (p *pidfd) inode() uint64 {
	var number uint64
	_ = p.use(func(fd uintptr) error {
		var fs syscall.Statfs_t
		var stat syscall.Stat_t
		if syscall.Fstatfs(int(fd), &fs) == nil && fs.Type == pidfsMagic && syscall.Fstat(int(fd), &stat) == nil {
			number = stat.Ino
		}
		return nil
	})
	return number
}

// exited reports whether all threads of the process have ended, waited for or not.
func (p *pidfd) exited() (bool, error) {
	var exited bool
	err := p.use(func(fd uintptr) (err error) {
		exited, err = readable(fd)
		return err
	})
	return exited, err
}

// readable asks poll(2), without waiting.
func readable(fd uintptr) (bool, error) {
	const pollIn = 0x1
	one := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd), events: pollIn}
	for {
		now := syscall.Timespec{}
		_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&one)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		switch errno {
		case 0:
			return one.revents&pollIn != 0, nil
		case syscall.EINTR:
		default:
			return false, os.NewSyscallError("ppoll", errno)
		}
	}
}

// wait waits in the runtime's poller, without a thread. errors.ErrUnsupported if that can't be.
func (p *pidfd) wait() error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var exited bool
	var failed error
	err = conn.Read(func(fd uintptr) bool {
		exited, failed = readable(fd)
		return exited || failed != nil
	})
	switch {
	case exited:
		return nil
	case failed != nil:
		return failed
	case p.use(func(uintptr) error { return nil }) != nil:
		return os.ErrClosed
	}
	return errors.Join(errors.ErrUnsupported, err) // the poller does not take this file
}

func (p *pidfd) signal(sig syscall.Signal) error {
	return p.use(func(fd uintptr) error {
		exited, err := readable(fd)
		if exited {
			return ErrGone // a zombie would take the signal without an error
		}
		if err != nil {
			return err
		}
		_, _, errno := syscall.Syscall6(pidfdSendSignal, fd, uintptr(sig), 0, 0, 0, 0)
		return sent(errno)
	})
}

// signalGroup means the process group whose number is the process's, which need not live: Linux 6.9.
func (p *pidfd) signalGroup(sig syscall.Signal) error {
	const processGroup = 1 << 2 // PIDFD_SIGNAL_PROCESS_GROUP
	return p.use(func(fd uintptr) error {
		_, _, errno := syscall.Syscall6(pidfdSendSignal, fd, uintptr(sig), 0, processGroup, 0, 0)
		if errno == syscall.EINVAL && sig >= 0 && sig <= 64 {
			return errors.ErrUnsupported
		}
		return sent(errno)
	})
}

func sent(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return goneIfNone(os.NewSyscallError("pidfd_send_signal", errno))
}

// exitStatus asks PIDFD_GET_INFO of ioctl(2): struct pidfd_info in its first version, of 64 bytes. The kernel keeps the
// status for who had the pidfd when the process was waited for.
func (p *pidfd) exitStatus() (status int, ok bool) {
	const (
		getInfo  = 0xC040FF0B // _IOWR(0xFF, 11, 64 bytes), equal on all architectures
		infoExit = 1 << 3
	)
	info := struct {
		mask, cgroup uint64
		_            [11]uint32
		exitCode     int32
	}{mask: infoExit}
	err := p.use(func(fd uintptr) error {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, getInfo, uintptr(unsafe.Pointer(&info)))
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil || info.mask&infoExit == 0 {
		return 0, false
	}
	return int(info.exitCode), true
}

// waitedFor reports whether the process is not even a zombie, so that its number can be another's. When in doubt: true.
func (p *pidfd) waitedFor() bool {
	return p.use(func(fd uintptr) error {
		_, _, errno := syscall.Syscall6(pidfdSendSignal, fd, 0, 0, 0, 0, 0)
		if errno == syscall.EPERM {
			return nil // it is there
		}
		return sent(errno)
	}) != nil
}

func (p *pidfd) number() int {
	number := -1
	_ = p.use(func(fd uintptr) error {
		number = int(fd)
		return nil
	})
	return number
}

func (p *pidfd) close() error { return p.file.Close() }
