//go:build unix

package cli

import "golang.org/x/sys/unix"

// readerGone reports whether stdout is a pipe that nobody reads any more. Else only writing would tell.
func (a *app) readerGone() bool {
	f, ok := isFile(a.rawOut)
	if !ok {
		return false
	}
	out := []unix.PollFd{{Fd: int32(f.Fd())}}
	n, err := unix.Poll(out, 0)
	return err == nil && n > 0 && out[0].Revents&unix.POLLERR != 0
}
