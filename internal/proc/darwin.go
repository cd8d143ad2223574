//go:build darwin

package proc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// A pidfd does not exist here: processes are known by number and start time.
type pidfd struct{}

func openPidfd(int) (*pidfd, error)             { return nil, nil }
func (*pidfd) exited() (bool, error)            { return false, errors.ErrUnsupported }
func (*pidfd) inode() uint64                    { return 0 }
func (*pidfd) wait() error                      { return errors.ErrUnsupported }
func (*pidfd) signal(syscall.Signal) error      { return errors.ErrUnsupported }
func (*pidfd) signalGroup(syscall.Signal) error { return errors.ErrUnsupported }
func (*pidfd) exitStatus() (int, bool)          { return 0, false }
func (*pidfd) number() int                      { return -1 }
func (*pidfd) close() error                     { return nil }

// startOf returns the time of creation in microseconds, from struct kinfo_proc of sysctl(3), and ErrGone for a zombie.
func startOf(pid int, _ *pidfd) (uint64, error) {
	const zombie = 5 // SZOMB of sys/proc.h
	info, err := kinfo(pid)
	if err != nil {
		return 0, err
	}
	if info[36] == zombie { // kp_proc.p_stat
		return 0, ErrGone
	}
	// kp_proc.p_starttime, a struct timeval
	return binary.NativeEndian.Uint64(info)*1e6 + uint64(binary.NativeEndian.Uint32(info[8:])), nil
}

func zombieStatus(int, *pidfd) (status int, ok bool) { return 0, false }

// kinfo is struct kinfo_proc of sys/sysctl.h.
func kinfo(pid int) ([]byte, error) {
	const ctlKern, kernProc, kernProcPid = 1, 14, 1
	name := [...]int32{ctlKern, kernProc, kernProcPid, int32(pid)}
	info := make([]byte, 648)
	size := uintptr(len(info))
	_, _, errno := syscall.Syscall6(syscall.SYS___SYSCTL, uintptr(unsafe.Pointer(&name)), uintptr(len(name)),
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0, 0)
	switch {
	case errno != 0:
		return nil, os.NewSyscallError("sysctl", errno)
	case size == 0:
		return nil, ErrGone
	case size != uintptr(len(info)) || binary.NativeEndian.Uint32(info[40:]) != uint32(pid): // kp_proc.p_pid
		return nil, errors.New("struct kinfo_proc is not as expected")
	}
	return info, nil
}

func readBootID() string {
	id, err := syscall.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(id)
}

func readNamespace() uint64 { return 0 }

// readHostID asks gethostuuid(2).
func readHostID() string {
	var id [16]byte
	wait := syscall.Timespec{Sec: 1}
	_, _, errno := syscall.Syscall(syscall.SYS_GETHOSTUUID, uintptr(unsafe.Pointer(&id)), uintptr(unsafe.Pointer(&wait)), 0)
	if errno != 0 || bytes.Equal(id[:], make([]byte, len(id))) {
		return byHostname()
	}
	return fmt.Sprintf("%x", id)
}

// readSecure asks issetugid(2).
func readSecure() bool {
	tainted, _, errno := syscall.Syscall(syscall.SYS_ISSETUGID, 0, 0, 0)
	return errno != 0 || tainted != 0 || os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid()
}

// Image is not known here.
func Image(int) string { return "" }

// Ancestors is the parent only.
func Ancestors() []int { return []int{os.Getppid()} }

// Members is not known here.
func Members(int) ([]int, error) { return nil, errors.ErrUnsupported }

// EachMarked finds nobody here.
func EachMarked(string, string, func(*Process) (keep bool)) error { return errors.ErrUnsupported }
