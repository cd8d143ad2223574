package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// A lockedFile is a file as /proc/locks names it.
type lockedFile struct {
	major, minor uint32
	inode        uint64
}

// initialNamespace is the inode of the machine's own PID namespace: from there, all locks are seen.
const initialNamespace = 0xeffffffc

// held reports whether somebody has the flock of a file; known is false if there could be one that is not seen from here.
func (w *witness) held(path string) (held, known bool) {
	if w.locks == nil {
		w.locks = flocks()
	}
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil {
		return false, false
	}
	dev := uint64(st.Dev) //nolint:unconvert // of another size on some systems
	major := uint32(dev>>8)&0xfff | uint32(dev>>32)&^uint32(0xfff)
	minor := uint32(dev)&0xff | uint32(dev>>12)&^uint32(0xff)
	if w.locks[lockedFile{major, minor, st.Ino}] {
		return true, true
	}
	return false, w.namespace == initialNamespace && len(w.locks) > 0
}

// flocks are the files that are locked by flock(2).
func flocks() map[lockedFile]bool {
	locks := make(map[lockedFile]bool)
	f, err := os.Open("/proc/locks")
	if err != nil {
		return locks
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 6 || words[1] != "FLOCK" {
			continue
		}
		var l lockedFile
		if _, err := fmt.Sscanf(words[5], "%x:%x:%d", &l.major, &l.minor, &l.inode); err == nil {
			locks[l] = true
		}
	}
	return locks
}

// ofdGetLock is F_OFD_GETLK of fcntl(2): it asks, and takes nothing.
const ofdGetLock = 36

// settling reports whether somebody settles a journal.
func settling(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	whole := syscall.Flock_t{Type: syscall.F_WRLCK}
	return syscall.FcntlFlock(f.Fd(), ofdGetLock, &whole) == nil && whole.Type != syscall.F_UNLCK
}
