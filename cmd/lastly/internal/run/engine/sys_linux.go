//go:build amd64 || arm64

package engine

import (
	"strconv"
	"syscall"
	"unsafe"
)

// System calls and constants that package syscall does not have. The numbers are the same on all architectures but MIPS.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434

	prSetChildSubreaper = 36

	pollIn  = 0x1
	pollOut = 0x4
)

type pollfd struct {
	fd      int32
	events  int16
	revents int16
}

// poll is ppoll(2), for ever if the timeout is negative.
func poll(fds []pollfd, timeoutMS int64) {
	var limit *syscall.Timespec
	if timeoutMS >= 0 {
		t := syscall.NsecToTimespec(timeoutMS * 1e6)
		limit = &t
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(limit)), 0, 0, 0)
	if errno != 0 {
		for i := range fds {
			fds[i].revents = 0
		}
	}
}

// pidfdOpen is -1 where there are none (Linux before 5.3).
func pidfdOpen(pid int) int {
	fd, _, errno := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1
	}
	return int(fd)
}

func pidfdSignal(fd, sig int) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(sysPidfdSendSignal, uintptr(fd), uintptr(sig), 0, 0, 0, 0)
	return errno
}

func becomeSubreaper() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
}

// hasTerminal reports whether the process has a controlling terminal, also where there is no /dev/tty to open it by.
func hasTerminal() bool {
	fd, err := syscall.Open("/dev/tty", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err == nil {
		_ = syscall.Close(fd)
		return true
	}
	if err == syscall.ENXIO {
		return false
	}
	const terminal = 4 // of the fields behind the name: state, ppid, pgrp, session, tty_nr
	fields := split(statOf("self"), ' ')
	return len(fields) > terminal && fields[terminal] != "0"
}

func sessionOf(pid int) int {
	session, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1
	}
	return int(session)
}

// random fills text. It fails before Linux 3.17 only.
func random(text []byte) {
	_, _, _ = syscall.Syscall(sysGetrandom, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0)
}

func readAll(path string) []byte {
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
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return text
		}
		text = text[:len(text)+n]
	}
}

// now is a time in milliseconds that only grows.
func now() int64 {
	const clockMonotonic = 1
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano() / 1e6
}

// wakeAt lets this process go on in so many milliseconds, should it be stopped then, by a SIGCONT from itself: a command that has
// stopped keeps its time limit.
func wakeAt(ms int64) {
	event := struct {
		value          uint64
		signal, notify int32 // SIGEV_SIGNAL
		rest           [48]byte
	}{signal: int32(syscall.SIGCONT)}
	var id int32
	const clockMonotonic = 1
	if _, _, errno := syscall.RawSyscall(syscall.SYS_TIMER_CREATE, clockMonotonic, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id))); errno != 0 {
		return
	}
	spec := [2]syscall.Timespec{1: syscall.NsecToTimespec(min(ms, 1<<40) * 1e6)} // interval, value
	_, _, _ = syscall.RawSyscall6(syscall.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// stateOf is the letter of a process's state; 0 when there is no such process.
func stateOf(pid int) byte {
	if stat := statOf(strconv.Itoa(pid)); stat != "" {
		return stat[0]
	}
	return 0
}

// statOf is what /proc has of a process behind its name, which may contain anything.
func statOf(pid string) string {
	stat := readAll("/proc/" + pid + "/stat")
	for i := len(stat) - 3; i >= 0; i-- {
		if stat[i] == ')' {
			return string(stat[i+2:])
		}
	}
	return ""
}
