//go:build amd64 || arm64

package engine

import (
	"syscall"
	"unsafe"
)

// startDirect starts the command as a child of this process, with no other in between: with --let-go and nothing registered. If
// this process is killed, the kernel kills the command, and the command only.
func (s *Session) startDirect(path string, env []string) syscall.Errno {
	attr := &syscall.ProcAttr{Files: []uintptr{0, 1, 2}, Env: env, Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: !s.shared}}
	before := setMask(s.inherited.Blocked)
	pid, err := syscall.ForkExec(path, s.Options.Command, attr)
	if err == syscall.ENOEXEC {
		pid, err = syscall.ForkExec("/bin/sh", append([]string{"/bin/sh", path}, s.Options.Command[1:]...), attr)
	}
	setMask(before)
	if err != nil {
		return errnoOf(err)
	}
	s.Command = pid
	s.begun()
	return 0
}

// setMask sets this thread's signal mask, and returns what it was.
func setMask(bits uint64) (before uint64) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&bits)), uintptr(unsafe.Pointer(&before)), 8, 0, 0)
	return before
}

// blockToo adds a signal to those that this thread does not take, and returns what the mask was.
func blockToo(sig syscall.Signal) (before uint64) {
	bits, add := uint64(1)<<(sig-1), uintptr(0) // SIG_BLOCK
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, add, uintptr(unsafe.Pointer(&bits)), uintptr(unsafe.Pointer(&before)), 8, 0, 0)
	return before
}
