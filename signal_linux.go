package lastly

import (
	"syscall"
	"unsafe"
)

// restoreDefault gives a signal its default action behind the runtime's back: for SIGQUIT, SIGUSR1, SIGPIPE and others
// the runtime's own handler would not let the process die by the signal. The process is about to end.
func restoreDefault(sig syscall.Signal) {
	var action [128]byte // all zero is SIG_DFL with no flags, whatever the architecture's layout
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}

// pipeIsBroken asks poll(2): the write end of a pipe without readers reports POLLERR.
func pipeIsBroken(fd int) bool {
	const pollErr = 0x8
	poll := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd)}
	var now syscall.Timespec
	n, _, _ := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return n == 1 && poll.revents&pollErr != 0
}
