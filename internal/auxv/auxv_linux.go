package auxv

import (
	"syscall"
	"unsafe"
)

var secure = readSecure()

// Secure reports whether the program was started set-uid, set-gid or with file capabilities. When in doubt: true.
func Secure() bool { return secure }

// readSecure: a program that runs with other rights than its caller's may not even read its own vector.
func readSecure() bool {
	fd, err := syscall.Open("/proc/self/auxv", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT { // no /proc
		return syscall.Getuid() != syscall.Geteuid() || syscall.Getgid() != syscall.Getegid()
	}
	if err != nil {
		return true
	}
	defer func() { _ = syscall.Close(fd) }()
	vector := make([]byte, 2048) // some twenty pairs are usual
	n, err := syscall.Read(fd, vector)
	if err != nil {
		return true
	}
	secure, ok := atSecure(vector[:n])
	return !ok || secure
}

// atSecure finds AT_SECURE. Package encoding/binary would come too late.
func atSecure(vector []byte) (secure, ok bool) {
	const tag, word = 23, int(unsafe.Sizeof(uintptr(0)))
	for ; len(vector) >= 2*word; vector = vector[2*word:] {
		if *(*uintptr)(unsafe.Pointer(&vector[0])) == tag {
			return *(*uintptr)(unsafe.Pointer(&vector[word])) != 0, true
		}
	}
	return false, false
}
