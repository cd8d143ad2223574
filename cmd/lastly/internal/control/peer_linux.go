package control

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// checkPeer refuses another user's process, root's too: what it asks for would be done as this user. It returns its number, as
// seen from here; 0 if it has none here.
func checkPeer(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	if failed := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); failed != nil {
		return 0, failed
	}
	if err != nil {
		return 0, fmt.Errorf("find out who is at the other end: %w", err)
	}
	if int(cred.Uid) != os.Geteuid() {
		return 0, otherUser(int(cred.Uid))
	}
	return int(cred.Pid), nil
}

// hungUp reports whether the other end was closed, which it is not when it only has no more to say.
func hungUp(conn *net.UnixConn) (closed bool) {
	const hup = 0x10 // POLLHUP
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	failed := raw.Control(func(fd uintptr) {
		poll := struct {
			fd              int32
			events, revents int16
		}{fd: int32(fd)}
		var now syscall.Timespec
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		closed = poll.revents&hup != 0
	})
	return closed || failed != nil
}
