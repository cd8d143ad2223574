//go:build !linux && !darwin && !windows

package proc

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// A Process can't be held on this system: openPid never returns one.
type Process struct{ id ID }

func openPid(int) (*Process, error) { return nil, errors.ErrUnsupported }

func (p *Process) Signal(syscall.Signal) error       { return errors.ErrUnsupported }
func (p *Process) SignalGroup(syscall.Signal) error  { return errors.ErrUnsupported }
func (p *Process) Wait(context.Context) error        { return errors.ErrUnsupported }
func (p *Process) ExitStatus() (status int, ok bool) { return 0, false }
func (p *Process) Fd() int                           { return -1 }
func (p *Process) Close() error                      { return nil }
func readBootID() string                             { return "" }
func readNamespace() uint64                          { return 0 }
func readHostID() string                             { return byHostname() }

// readSecure compares the ids where there are any.
func readSecure() bool { return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() }

// Image is not known here.
func Image(int) string { return "" }

// Ancestors is the parent only.
func Ancestors() []int { return []int{os.Getppid()} }

// Members is not known here.
func Members(int) ([]int, error) { return nil, errors.ErrUnsupported }

// EachMarked finds nobody here.
func EachMarked(string, string, func(*Process) (keep bool)) error { return errors.ErrUnsupported }
