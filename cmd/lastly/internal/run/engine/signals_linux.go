//go:build amd64 || arm64

package engine

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// sink is the writing end of the pipe that the signal handler writes to: package-level, for the handler has nothing else.
//
//lint:ignore U1000 the handler, which is written in assembly, uses it
var sink int32 = -1

// lost are the signals for which there was no room in the pipe: signal n is bit n-1. The handler sets the bits.
var lost uint64

// The addresses of the handler and of what it returns to, for the kernel.
func handlerAddress() uintptr
func restorerAddress() uintptr
func sharedAddress() uintptr

const (
	infoSize = 24 // what the handler writes of a siginfo_t: all that is used of it, so that thousands have room

	pipeHalf = 1000 // signals: a pipe has room for more than twice as many

	codeKernel = 0x80 // SI_KERNEL: of the terminal, among others
	codeTimer  = -2   // SI_TIMER: see wakeAt

	ignored  = 1  // SIG_IGN
	muslSync = 34 // the first of the real-time signals, which musl uses for itself

	saSiginfo = 0x4
	saOnstack = 0x08000000
	saRestart = 0x10000000
)

// A sigaction is the kernel's.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// A caught is a signal that this process got.
type caught struct {
	number int
	kernel bool // nobody sent it, but the kernel: a key of the terminal, its end, its size
	sender int  // a process number, if one did; 0 when it is not in this PID namespace
}

// uncatchable are those that are not caught: what can't be, the profiler's, and what C libraries use for themselves. SIGCHLD is
// caught, and not passed on.
const uncatchable = 1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGSTOP-1) | 1<<(syscall.SIGPROF-1) | 1<<(32-1) | 1<<(33-1)

// runtimes are those that the Go runtime needs: faults of this process, and the preemption of goroutines.
const runtimes = 1<<(syscall.SIGSEGV-1) | 1<<(syscall.SIGBUS-1) | 1<<(syscall.SIGFPE-1) | 1<<(syscall.SIGILL-1) | 1<<(syscall.SIGTRAP-1) |
	1<<(syscall.SIGSYS-1) | 1<<(syscall.SIGURG-1)

// former is the Go runtime's handler, for the handler that calls it.
var former uintptr

// catch makes the handler that of all signals but those that are ignored, which stay so, and returns the pipe's reading end.
// This thread takes signals that were blocked, too: they are passed on, and the command has them blocked.
func catch() (pipe int, err error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return -1, err
	}
	sink = int32(ends[1])
	act := sigaction{handler: handlerAddress(), flags: saSiginfo | saOnstack | saRestart | saRestorer, restorer: restorerAddress(), mask: ^uint64(0)}
	both := act
	both.handler = sharedAddress()
	for sig := 1; sig <= 64; sig++ {
		var old sigaction
		setAction(sig, nil, &old)
		switch own := runtimes&(1<<(sig-1)) != 0; {
		case uncatchable&(1<<(sig-1)) != 0 || old.handler == ignored:
		case own:
			if former == 0 || former == old.handler {
				former = old.handler
				setAction(sig, &both, nil)
			}
		case sig != muslSync || old.handler == 0:
			setAction(sig, &act, nil)
		}
	}
	setMask(0)
	return ends[0], nil
}

// quitQuietly lets Ctrl-\ end this process as it would end the command, until it is caught: the runtime would write all stacks.
func quitQuietly() { setAction(int(syscall.SIGQUIT), &sigaction{}, nil) }

func setAction(sig int, act, old *sigaction) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

// takeLost returns a signal of which nothing is known but that it came; 0: there is none.
func takeLost() (sig int) {
	for bits := atomic.LoadUint64(&lost); bits != 0; bits = atomic.LoadUint64(&lost) {
		rest := bits & (bits - 1) // without the lowest one
		if atomic.CompareAndSwapUint64(&lost, bits, rest) {
			for sig = 1; bits&1 == 0; sig++ {
				bits >>= 1
			}
			return sig
		}
	}
	return 0
}

// take reads one signal from the pipe.
func take(pipe int) (c caught, ok bool) {
	var info [infoSize / 4]int32 // si_signo, si_errno, si_code, padding, si_pid, si_uid
	text := (*[infoSize]byte)(unsafe.Pointer(&info))[:]
	for {
		n, err := syscall.Read(pipe, text)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n < infoSize {
			c.number = takeLost()
			return c, c.number != 0
		}
		c = caught{number: int(info[0]), kernel: info[2] == codeKernel}
		switch code := info[2]; {
		case code == codeTimer:
			c.sender = syscall.Getpid()
		case code <= 0:
			c.sender = int(info[4])
		}
		return c, true
	}
}
