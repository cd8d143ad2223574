package lastly

import (
	"syscall"
	"time"
	"unsafe"
)

// restoreDefault gives a signal its default action behind the runtime's back: for SIGQUIT, SIGUSR1, SIGPIPE and others
// the runtime's own handler would not let the process die by the signal. The process is about to end.
func restoreDefault(sig syscall.Signal) {
	var action [128]byte // all zero is SIG_DFL with no flags, whatever the architecture's layout
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, signalSetSize, 0, 0)
}

// pipeIsBroken asks poll(2): the write end of a pipe without readers reports POLLERR.
func pipeIsBroken(fd int) bool {
	return poll(fd, 0, 0)&pollErr != 0
}

// stderrTakesMore waits until a write to stderr would not block.
func stderrTakesMore(patience time.Duration) bool {
	return poll(2, pollOut, patience) != 0
}

const (
	pollOut = 0x4
	pollErr = 0x8
)

// poll is poll(2) for one descriptor.
func poll(fd int, events int16, patience time.Duration) (got int16) {
	p := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd), events: events}
	until := time.Now().Add(patience)
	for {
		left := syscall.NsecToTimespec(max(0, time.Until(until)).Nanoseconds())
		n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&left)), 0, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if n != 1 {
			return 0
		}
		return p.revents
	}
}
