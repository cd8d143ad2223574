package supervise

import (
	"syscall"
	"unsafe"
)

// A launcher stands in for the command when that has to start with signals ignored. A Go program can't fork a child like
// that unless package os/signal has ignored them: what the runtime handles is set to its default in every child. So the
// supervisor forks this image once more, with everything that the command gets, and that ignores the signals and becomes the
// command. It takes a millisecond or two, which programs that ignore signals pay.
const launcher = " launch"

// needsLauncher tells whether signals are ignored but those that stay so without it. In another root directory, or as another user,
// this image may be out of reach; then what is ignored is lost.
func needsLauncher(c *Config) bool {
	stay := bit(syscall.SIGHUP) | bit(syscall.SIGINT) | // the runtime leaves them so when a program starts (nohup, a shell's &)
		bit(syscall.SIGTSTP) | bit(syscall.SIGTTIN) | bit(syscall.SIGTTOU) | bit(syscall.SIGCONT) | bit(32) | bit(34) | // it handles none of them
		bit(33) // a C library's, for itself. It does not stay so, but glibc's posix_spawn has it ignored with 32: by make, say
	return c.Signals.Ignored&^stay != 0 && c.Attr.Chroot == "" && c.Attr.Credential == nil && c.Attr.UidMappings == nil
}

// startByLauncher is start by way of a launcher.
func (s *supervisor) startByLauncher(c *Config, attr *syscall.ProcAttr) (pid int, errno syscall.Errno) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, errnoOf(err)
	}
	defer func() { _ = syscall.Close(ends[0]) }()
	there := len(attr.Files)
	attr.Files = append(attr.Files, uintptr(ends[1]))
	attr.Env = []string{Variable + "=" + digits(there) + launcher}
	pid, err = syscall.ForkExec("/proc/self/exe", []string{Name}, attr)
	_ = syscall.Close(ends[1])
	if err != nil {
		return 0, errnoOf(err)
	}
	text := c.Encode()
	for len(text) > 0 {
		n, err := syscall.SendmsgN(ends[0], text, nil, nil, noSignal)
		if err != nil && err != syscall.EINTR {
			break // it died; so it sent no error
		}
		text = text[max(n, 0):]
	}
	var message [MessageSize]byte
	if n := receiveFull(ends[0], message[:]); n == len(message) {
		_, number := Parse(message[:])
		for { // it ends
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
		return 0, syscall.Errno(number)
	}
	return pid, 0
}

// launch becomes the command. The folder was changed and everything else done when this process was forked.
func launch(control int) {
	syscall.CloseOnExec(control)
	config, ok := receiveConfig(control)
	if !ok {
		syscall.Exit(3)
	}
	path, err := syscall.BytePtrFromString(config.Path)
	if err != nil {
		fail(control, err)
	}
	args, err := syscall.SlicePtrFromStrings(config.Args)
	if err != nil {
		fail(control, err)
	}
	env, err := syscall.SlicePtrFromStrings(config.Env)
	if err != nil {
		fail(control, err)
	}
	for sig := 1; sig <= 64; sig++ {
		if config.Signals.Ignored&bit(syscall.Signal(sig)) != 0 {
			ignore(sig)
		}
	}
	mask(config.Signals.Blocked)
	_, _, errno := syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&env[0])))
	fail(control, errno)
}

func fail(control int, err error) {
	_ = syscall.Sendmsg(control, Message(Failed, uint64(errnoOf(err))), nil, nil, noSignal)
	syscall.Exit(127)
}

// receiveConfig reads what Encode made.
func receiveConfig(control int) (*Config, bool) {
	const most = 1 << 30 // arguments and environment are bounded by the kernel, far below that
	head := make([]byte, 8)
	if receiveFull(control, head) != len(head) {
		return nil, false
	}
	d := decoder{rest: head}
	size := d.number()
	if size > most {
		return nil, false
	}
	text := make([]byte, size)
	if receiveFull(control, text) != len(text) {
		return nil, false
	}
	return decode(text)
}

// receiveFull reads until the buffer is full, or there is no more.
func receiveFull(fd int, buffer []byte) (n int) {
	for n < len(buffer) {
		switch got, err := syscall.Read(fd, buffer[n:]); {
		case err == syscall.EINTR:
		case err != nil || got <= 0:
			return n
		default:
			n += got
		}
	}
	return n
}
