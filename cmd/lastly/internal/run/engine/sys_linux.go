//go:build amd64 || arm64

package engine

import (
	"strconv"
	"syscall"
	"unsafe"

	"github.com/lastly-go/lastly/internal/early"
)

const prSetChildSubreaper = 36

func becomeSubreaper() {
	early.Prctl(prSetChildSubreaper, 1)
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

// random fills text. It fails before Linux 3.17 only.
func random(text []byte) {
	_, _, _ = syscall.Syscall(sysGetrandom, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0)
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
	stat := early.ReadFile("/proc/" + pid + "/stat")
	for i := len(stat) - 3; i >= 0; i-- {
		if stat[i] == ')' {
			return string(stat[i+2:])
		}
	}
	return ""
}
