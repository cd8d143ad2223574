package testproc

import (
	"syscall"
	"time"
	"unsafe"
)

// limitLife makes the kernel kill this process after a while, whatever the process does then and whether or not its
// parent is alive: a timer of timer_create(2) whose signal is SIGKILL.
func limitLife(after time.Duration) {
	const monotonic = 1
	event := struct {
		value          uintptr
		signal, notify int32
		_              [64]byte
	}{signal: int32(syscall.SIGKILL)}
	var timer int32
	if _, _, errno := syscall.RawSyscall(syscall.SYS_TIMER_CREATE, monotonic, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer))); errno != 0 {
		return // the test's own limit is still there
	}
	spec := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(after.Nanoseconds())}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}
