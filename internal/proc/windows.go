//go:build windows

package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// A Process is one process, held by a handle so that no other can be mistaken for it. Close it. Its methods may be called from
// several goroutines at once.
type Process struct {
	id ID

	// mu keeps the handle open while it is used.
	mu     sync.RWMutex
	handle syscall.Handle
	closed bool
}

func openPid(pid int) (*Process, error) {
	const (
		queryLimitedInformation = 0x1000
		errorInvalidParameter   = syscall.Errno(87)
	)
	if pid <= 0 {
		return nil, fmt.Errorf("%d is no process number", pid)
	}
	handle, err := syscall.OpenProcess(queryLimitedInformation|syscall.SYNCHRONIZE|syscall.PROCESS_TERMINATE, false, uint32(pid))
	if errors.Is(err, syscall.ERROR_ACCESS_DENIED) { // one that can be looked at, but not ended
		handle, err = syscall.OpenProcess(queryLimitedInformation|syscall.SYNCHRONIZE, false, uint32(pid))
	}
	if errors.Is(err, errorInvalidParameter) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, os.NewSyscallError("OpenProcess", err)
	}
	p := &Process{id: ID{Pid: pid}, handle: handle}
	var creation, exit, kernel, user syscall.Filetime
	err = os.NewSyscallError("GetProcessTimes", syscall.GetProcessTimes(handle, &creation, &exit, &kernel, &user))
	p.id.Start = uint64(creation.HighDateTime)<<32 | uint64(creation.LowDateTime)
	if err == nil {
		err = p.alive()
	}
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// use calls what with the handle.
func (p *Process) use(what string, f func(syscall.Handle) error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	err := os.ErrClosed
	if !p.closed {
		err = f(p.handle)
	}
	if err != nil {
		return fmt.Errorf("proc: %s %v: %w", what, p.id, err)
	}
	return nil
}

func (p *Process) alive() error {
	return p.use("look at", func(h syscall.Handle) error {
		switch event, err := syscall.WaitForSingleObject(h, 0); event {
		case syscall.WAIT_OBJECT_0:
			return ErrGone
		case syscall.WAIT_TIMEOUT:
			return nil
		default:
			return os.NewSyscallError("WaitForSingleObject", err)
		}
	})
}

// Signal ends the process for SIGKILL and SIGTERM, which Windows can't ask. Other signals do not exist here.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.alive(); err != nil || sig == 0 {
		return err
	}
	return p.use("end", func(h syscall.Handle) error {
		if sig != syscall.SIGKILL && sig != syscall.SIGTERM {
			return errors.ErrUnsupported
		}
		return os.NewSyscallError("TerminateProcess", syscall.TerminateProcess(h, 1))
	})
}

// SignalGroup finds no group: there are none.
func (p *Process) SignalGroup(syscall.Signal) error {
	return fmt.Errorf("proc: signal the group of %v: %w", p.id, ErrGone)
}

// Wait waits until the process is gone, by looking every 10 ms. When the context ends before, the error is its cause.
func (p *Process) Wait(ctx context.Context) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := p.alive()
		if errors.Is(err, ErrGone) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("proc: wait for %v: %w", p.id, context.Cause(ctx))
		}
	}
}

// ExitStatus is the exit code. It is false while the process runs.
func (p *Process) ExitStatus() (status int, ok bool) {
	if !errors.Is(p.alive(), ErrGone) {
		return 0, false
	}
	var code uint32
	err := p.use("ask for the exit code of", func(h syscall.Handle) error { return syscall.GetExitCodeProcess(h, &code) })
	return int(code), err == nil
}

// Fd is -1: there are no pidfds.
func (p *Process) Fd() int { return -1 }

// Close lets go of the process. It does not end the process.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return os.NewSyscallError("CloseHandle", syscall.CloseHandle(p.handle))
}

// readBootID: there is none, and none is needed, since a Start is a time of the calendar.
func readBootID() string { return "" }

func readNamespace() uint64 { return 0 }

// readSecure: there are no set-uid programs.
func readSecure() bool { return false }

// readHostID reads MachineGuid of the registry.
func readHostID() string {
	const wow64Key64 = 0x100 // KEY_WOW64_64KEY: 32-bit programs see another branch
	path, err1 := syscall.UTF16PtrFromString(`SOFTWARE\Microsoft\Cryptography`)
	name, err2 := syscall.UTF16PtrFromString("MachineGuid")
	var key syscall.Handle
	if err1 != nil || err2 != nil || syscall.RegOpenKeyEx(syscall.HKEY_LOCAL_MACHINE, path, 0, syscall.KEY_READ|wow64Key64, &key) != nil {
		return byHostname()
	}
	defer func() { _ = syscall.RegCloseKey(key) }()
	var value [64]uint16
	var kind uint32
	size := uint32(unsafe.Sizeof(value))
	err := syscall.RegQueryValueEx(key, name, nil, &kind, (*byte)(unsafe.Pointer(&value)), &size)
	id := syscall.UTF16ToString(value[:])
	if err != nil || kind != syscall.REG_SZ || id == "" {
		return byHostname()
	}
	return id
}

// Image is not known here: no process executes another program.
func Image(int) string { return "" }

// Ancestors is the parent only, or what has its number now.
func Ancestors() []int { return []int{os.Getppid()} }

// Members is not known here.
func Members(int) ([]int, error) { return nil, errors.ErrUnsupported }

// EachMarked finds nobody here.
func EachMarked(string, string, func(*Process) (keep bool)) error { return errors.ErrUnsupported }
