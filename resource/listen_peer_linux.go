package resource

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// peerOf is the process that has made the socket at the other end, with the name of its program.
func peerOf(conn *net.UnixConn) (who string, ok bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", false
	}
	var cred *syscall.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}) != nil || err != nil || cred.Pid <= 0 { // 0 is one of another PID namespace
		return "", false
	}
	pid := int(cred.Pid)
	if pid == os.Getpid() {
		return fmt.Sprintf("%d (this one)", pid), true
	}
	return fmt.Sprintf("%d (%s)", pid, programOf(pid)), true
}

// programOf is the name of a process's executable, or of its main thread if that is another user's.
func programOf(pid int) string {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		return legible(filepath.Base(strings.TrimSuffix(exe, " (deleted)")))
	}
	comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
	return legible(strings.TrimSpace(string(comm)))
}
