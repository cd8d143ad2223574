package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"github.com/lastly-go/lastly/internal/testproc"
)

var killVictims = testproc.Victims{
	"hang": func([]string) {
		testproc.Say("hangs")
		<-time.After(time.Hour)
	},
	"polite": func([]string) { // exits 0 on SIGTERM
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		testproc.Say("hangs")
		<-asked
		testproc.Say("asked")
	},
	"counts": func([]string) { // how often it is asked
		asked := make(chan os.Signal, 10)
		signal.Notify(asked, syscall.SIGTERM)
		testproc.Say("hangs")
		<-asked
		testproc.Linger(100 * time.Millisecond)
		testproc.Say("asked %d times", 1+len(asked))
	},
	"deaf": func([]string) {
		signal.Ignore(syscall.SIGTERM)
		testproc.Say("hangs")
		<-time.After(time.Hour)
	},
	"shell": func(args []string) { // runs a script, and waits for nobody that it leaves
		cmd := exec.Command("sh", "-c", args[0])
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			testproc.Say("%v", err)
		}
		testproc.Say("started %d", cmd.Process.Pid)
		<-time.After(time.Hour)
	},
	"killer": killerVictim,
}

// killerVictim kills under some circumstances: a process, or a process group, with a grace.
func killerVictim(args []string) {
	k := Kill{Pid: syscall.Getpgrp(), Group: true}
	var err error
	switch args[0] {
	case "as nobody":
		k = Kill{}
		_, _ = fmt.Sscan(args[1], &k.Pid)
		err = syscall.Setuid(65534)
	case "on an old kernel":
		k.Grace = 500 * time.Millisecond // enough for the leader to die of SIGTERM, in all likelihood
		_, _ = fmt.Sscan(args[1], &k.Pid)
		err = refuseGroupSignals()
	}
	if err == nil {
		k, err = k.Capture()
	}
	if err == nil {
		err = k.Do(context.Background())
	}
	testproc.Say("%v, of permission: %v", err, errors.Is(err, os.ErrPermission))
}

// refuseGroupSignals makes pidfd_send_signal(2) refuse PIDFD_SIGNAL_PROCESS_GROUP in this goroutine, as before Linux 6.9: by
// a seccomp filter of its thread.
func refuseGroupSignals() error {
	const (
		setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2 // of prctl(2)
		pidfdSendSignal, processGroup         = 424, 4
	)
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	filter := [...]instruction{
		{0x20, 0, 0, 0},               // load the number of the system call
		{0x15, 0, 3, pidfdSendSignal}, // if it is not that, skip three
		{0x20, 0, 0, 16 + 3*8},        // load the fourth argument
		{0x15, 0, 1, processGroup},    // if it is not that, skip one
		{0x06, 0, 0, 0x50000 | uint32(syscall.EINVAL)},
		{0x06, 0, 0, 0x7fff0000}, // allow
	}
	program := struct {
		length uint16
		filter *instruction
	}{uint16(len(filter)), &filter[0]}
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	return nil
}
