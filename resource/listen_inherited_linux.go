package resource

import (
	"net"
	"os"
	"strconv"
	"syscall"
)

// inherit makes a listener of an inherited descriptor, which is closed: the listener has its own. nil if it is none, or
// nobody listens on it; it is not passed on to children then either. A descriptor that is close-on-exec was not inherited
// but made here, or is another library's by now.
func inherit(fd int) net.Listener {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	if errno != 0 || flags&syscall.FD_CLOEXEC != 0 {
		return nil
	}
	syscall.CloseOnExec(fd)
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil || listens == 0 {
		return nil
	}
	f := os.NewFile(uintptr(fd), "inherited socket "+strconv.Itoa(fd))
	ln, err := net.FileListener(f)
	if err != nil {
		return nil // the finalizer closes f: nobody else can use it
	}
	_ = f.Close()
	return ln
}
