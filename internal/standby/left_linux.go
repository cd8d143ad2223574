package standby

import (
	"hash/crc32"
	"math/bits"
	"syscall"
)

// What this package has to know of a journal (docs/journal-format.md); a test holds it against package journal.
const (
	headerSize = 4096
	slotSize   = 256
	saltOffset = 40
	saltSize   = 8
	sumOffset  = headerSize - 4
	nearly     = 8 // in how many bits a damaged mark may differ from the salt

	journalSuffix = ".journal"
	crashSuffix   = ".crash"

	setLock = 37 // F_OFD_SETLK
)

// nothingLeft reports whether the owner left no record and no crash. If so, it removes the files. It only looks for what
// begins like a record: whether it is one is for the settler to say.
func (d *Duty) nothingLeft() bool {
	crash := d.Journal
	if n := len(crash) - len(journalSuffix); n > 0 && crash[n:] == journalSuffix {
		crash = crash[:n] + crashSuffix
	}
	var st syscall.Stat_t
	if syscall.Lstat(crash, &st) == nil && st.Size > 0 {
		return false
	}
	fd, err := syscall.Open(d.Journal, syscall.O_RDWR|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT {
		_ = syscall.Unlink(crash)
		return true
	}
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	// The lock of settlers, as filelock.TrySettle: while another one replaces records, a look could miss them all.
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if syscall.FcntlFlock(uintptr(fd), setLock, &lock) != nil {
		return false // package durable waits for its turn
	}
	if hasRecords(fd) {
		return false
	}
	_ = syscall.Unlink(d.Journal)
	_ = syscall.Unlink(crash)
	return true
}

// hasRecords reports whether some slot begins with the file's salt, or nearly so; or the file is not to be trusted.
func hasRecords(fd int) bool {
	page := make([]byte, headerSize)
	if n, err := syscall.Pread(fd, page, 0); err != nil || n != len(page) {
		return true
	}
	if crc32.Checksum(page[:sumOffset], castagnoli()) != uint32(number64(page[sumOffset:], 4)) {
		return true
	}
	salt := number64(page[saltOffset:], saltSize)
	for at := int64(headerSize); ; {
		n, err := syscall.Pread(fd, page, at)
		if err != nil {
			return true
		}
		for slot := 0; slot+saltSize <= n; slot += slotSize {
			if bits.OnesCount64(number64(page[slot:], saltSize)^salt) <= nearly {
				return true
			}
		}
		if n < len(page) {
			return false
		}
		at += int64(n)
	}
}

// castagnoli is what a settler needs first, too, and takes longest to make: see wait.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// number64 takes a number of so many bytes, little endian; package encoding/binary would come too late.
func number64(b []byte, size int) (n uint64) {
	for i := size - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}
