package early

import (
	"syscall"
	"unsafe"
)

// System calls that package syscall does not have. The numbers are the same on all architectures but MIPS, where what they ask for
// fails, and is done without.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434

	clockMonotonic = 1
)

// What a descriptor is polled for.
const (
	In  = 0x1 // POLLIN
	Out = 0x4 // POLLOUT
)

// A PollFD is struct pollfd. A negative FD is left out by the kernel.
type PollFD struct {
	FD      int32
	Events  int16
	Revents int16
}

// Poll is ppoll(2), for ever if the timeout is negative. On an error, such as EINTR, nothing has happened.
func Poll(fds []PollFD, timeoutMS int64) {
	var limit *syscall.Timespec
	if timeoutMS >= 0 {
		t := syscall.NsecToTimespec(timeoutMS * 1e6)
		limit = &t
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(limit)), 0, 0, 0)
	if errno != 0 {
		for i := range fds {
			fds[i].Revents = 0
		}
	}
}

// Now is a time in milliseconds that only grows.
func Now() int64 {
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano() / 1e6
}

// PidfdOpen is -1 where there are none (Linux before 5.3), and when there is no such process.
func PidfdOpen(pid int) int {
	fd, _, errno := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1
	}
	return int(fd)
}

// PidfdSignal is pidfd_send_signal(2).
func PidfdSignal(fd, sig int) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(sysPidfdSendSignal, uintptr(fd), uintptr(sig), 0, 0, 0, 0)
	return errno
}

// SessionOf is -1 when there is no such process, and 0 when the session began outside of this PID namespace (docker exec). That of
// a zombie is known.
func SessionOf(pid int) int {
	session, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1
	}
	return int(session)
}

// Prctl is prctl(2) with one argument.
func Prctl(option, value uintptr) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, option, value, 0)
}

// ReadFile reads a file of /proc; what can't be read is empty.
func ReadFile(path string) []byte {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = syscall.Close(fd) }()
	text := make([]byte, 0, 4096)
	for {
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := syscall.Read(fd, text[len(text):cap(text)])
		if err == syscall.EINTR { //nolint:errorlint // of package syscall
			continue
		}
		if err != nil || n <= 0 {
			return text
		}
		text = text[:len(text)+n]
	}
}
