package control

import (
	"fmt"
	"net"
	"os"
	"syscall"
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
