package supervise

import (
	"syscall"
	"unsafe"

	"github.com/lastly-go/lastly/internal/early"
)

// System calls and constants that package syscall does not have. The numbers are the same on all architectures but MIPS, where
// what they ask for fails, and is done without.
const (
	sysCloseRange = 436

	prSetName           = 15
	prSetChildSubreaper = 36

	setMask = 2 // SIG_SETMASK; 3 on MIPS
	sigIgn  = 1
)

// A sigset is the kernel's, 16 bytes on MIPS and 8 elsewhere.
type sigset [16 / unsafe.Sizeof(uintptr(0))]uintptr

const wordBits = 8 * int(unsafe.Sizeof(uintptr(0)))

func toSet(bits uint64) (set sigset) {
	for i := range 64 {
		if bits&(1<<i) != 0 {
			set[i/wordBits] |= 1 << (i % wordBits)
		}
	}
	return set
}

func (s *sigset) bits() (bits uint64) {
	for i := range 64 {
		if s[i/wordBits]&(1<<(i%wordBits)) != 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// mask sets this thread's signal mask, and returns what it was.
func mask(bits uint64) (before uint64) {
	set, old := toSet(bits), sigset{}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask+mipsOne, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), sigsetSize, 0, 0)
	return old.bits()
}

// masked is this thread's signal mask.
func masked() uint64 {
	var old sigset
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask+mipsOne, 0, uintptr(unsafe.Pointer(&old)), sigsetSize, 0, 0)
	return old.bits()
}

// sigaction is big enough for the kernel's struct sigaction on every architecture. The handler is its first word, on MIPS its second.
type sigaction [8]uintptr

func action(sig int, act, old *sigaction) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), sigsetSize, 0, 0)
}

// awaitChild returns when a child has ended, which it leaves unreaped, or when there are no children. more are other events to wait
// for.
func awaitChild(more int) {
	const (
		all     = 0 // P_ALL
		options = 0x4 | 0x1000000 | waitAll
	)
	var info [128]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, all, 0, uintptr(unsafe.Pointer(&info[0])), uintptr(options|more), 0, 0) // WEXITED, WNOWAIT
		if errno != syscall.EINTR {
			return
		}
	}
}

const waitAll = 0x40000000 // __WALL

func setName(name string) {
	if text, err := syscall.BytePtrFromString(name); err == nil {
		early.Prctl(prSetName, uintptr(unsafe.Pointer(text)))
	}
}

func isSocket(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

// move gives a descriptor another number.
func move(fd, to int) int {
	if fd == to || fd < 0 {
		return fd
	}
	if syscall.Dup3(fd, to, syscall.O_CLOEXEC) != nil {
		return fd
	}
	_ = syscall.Close(fd)
	return to
}

func closeAbove(last int) {
	const all = 1<<32 - 1
	if _, _, errno := syscall.RawSyscall(sysCloseRange, uintptr(last+1), all, 0); errno == 0 {
		return
	}
	for fd := last + 1; fd < 1024; fd++ { // a kernel before 5.9
		_ = syscall.Close(fd)
	}
}

// readNames lists a folder of /proc whose names are numbers.
func readNames(path string) (numbers []int) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = syscall.Close(fd) }()
	buffer := make([]byte, 1<<13)
	for {
		n, err := syscall.ReadDirent(fd, buffer)
		if err != nil || n <= 0 {
			return numbers
		}
		_, _, names := syscall.ParseDirent(buffer[:n], -1, nil)
		for _, name := range names {
			if number, rest := leading(name); number > 0 && rest == "" {
				numbers = append(numbers, number)
			}
		}
	}
}
