package pathid

import (
	"encoding/binary"
	"iter"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// weakSuffices says whether an existing leaf may be removed on a weak identity. Here it may not: ext4 reuses the inode of
// a removed file, with the same birth time.
const weakSuffices = false

func itoa(n int) string { return strconv.Itoa(n) }

// components yields the names of a clean absolute path.
func components(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range strings.SplitSeq(path, "/") {
			if name != "" && !yield(name) {
				return
			}
		}
	}
}

// errNoHandle says that the kernel does not tell a handle here.
const errNoHandle = syscall.EOPNOTSUPP

// handle is name_to_handle_at(2) of a name in a folder, or of the descriptor itself when the name is empty: the identity
// without its filesystem, and the mount. With AT_HANDLE_FID also overlayfs and others tell what can't be opened again;
// kernels before 6.5 answer EINVAL to it. A refusal is errNoHandle. The mount is 0 where the kernel does not tell it.
func (s system) handle(dir int, name string) (thing, uint64, error) {
	if s.noHandles {
		return thing{}, 0, errNoHandle
	}
	flags := uintptr(atHandleFID)
	if s.noFID {
		flags = 0
	}
	path := cstring(name)
	if name == "" {
		flags |= atEmptyPath
	}
	var h struct {
		size  uint32
		typ   int32
		bytes [maxHandle]byte
	}
	for {
		var mount int32
		h.size = maxHandle
		_, err := again(sysNameToHandleAt, uintptr(dir), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&h)),
			uintptr(unsafe.Pointer(&mount)), flags)
		switch {
		case err == nil:
			t := thing{typ: int(h.typ), handle: string(h.bytes[:h.size])}
			if h.typ < 0 || h.size == 0 || ageless(t) {
				return thing{}, uint64(mount), errNoHandle
			}
			return t, uint64(mount), nil
		case err == syscall.EINVAL && flags&atHandleFID != 0:
			flags &^= atHandleFID
		case err == syscall.EPERM || err == syscall.ENOSYS || err == syscall.EOVERFLOW || err == syscall.EINVAL:
			return thing{}, 0, errNoHandle
		default:
			return thing{}, 0, err
		}
	}
}

// ageless reports whether a handle of one of the kernel's generic types has no generation: it is an inode then, and tells
// no more than that. Such are the handles of filesystems that count none (linux/exportfs.h: FILEID_INO32_GEN is 1, and
// 0x81 FILEID_INO64_GEN, which every filesystem has for AT_HANDLE_FID), and of ext4's root folder.
func ageless(t thing) bool {
	switch {
	case t.typ == 1 && len(t.handle) == 8:
		return t.handle[4:8] == "\x00\x00\x00\x00"
	case t.typ == 0x81 && len(t.handle) == 12:
		return t.handle[8:12] == "\x00\x00\x00\x00"
	}
	return false
}

// weak is what can be said of a folder without handles: inode and birth time.
func (f facts) weak() thing {
	var b []byte
	b = binary.AppendUvarint(b, f.ino)
	if f.bsec != 0 || f.bnsec != 0 {
		b = binary.AppendVarint(b, f.bsec)
		b = binary.AppendUvarint(b, uint64(f.bnsec))
	}
	return thing{typ: weakType, handle: string(b)}
}

// btrfs is the type of the filesystem whose subvolumes differ in f_fsid without being mounts.
const btrfs = "9123683e."

// inMemory reports whether a filesystem is tmpfs or ramfs (statfs(2)).
func inMemory(fs string) bool {
	return strings.HasPrefix(fs, "1021994.") || strings.HasPrefix(fs, "858458f6.")
}

// bootID tells one start of the machine from another, or is empty where proc(5) does not tell.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// filesystem names the filesystem of a descriptor by type and f_fsid of statfs(2), which survives a reboot where the
// filesystem has a UUID. Where f_fsid is zero, the device stands in, which may change with a reboot: then what was
// recorded is not found again, and left.
func (s system) filesystem(fd int) (string, error) {
	var st syscall.Statfs_t
	for {
		err := syscall.Fstatfs(fd, &st)
		if err == nil {
			break
		}
		if err != syscall.EINTR {
			return "", err
		}
	}
	low, high := uint32(st.Fsid.X__val[0]), uint32(st.Fsid.X__val[1])
	name := strconv.FormatUint(uint64(uint32(st.Type)), 16) + "."
	if low|high != 0 {
		return name + strconv.FormatUint(uint64(high)<<32|uint64(low), 16), nil
	}
	f, err := s.stat(fd, "")
	return name + "." + strconv.FormatUint(f.dev, 16), err
}

// folder identifies an open folder, and its mount.
func (s system) folder(fd int) (thing, uint64, error) {
	fs, err := s.filesystem(fd)
	if err != nil {
		return thing{}, 0, err
	}
	t, mount, err := s.handle(fd, "")
	if err == errNoHandle {
		var f facts
		f, err = s.stat(fd, "")
		t, mount = f.weak(), max(mount, f.mount)
	}
	t.fs = fs
	return t, mount, err
}

// isFolder reports whether an open folder is the recorded one, and its mount. What was recorded without a handle is
// compared without.
func (s system) isFolder(fd int, recorded thing) (bool, uint64, error) {
	fs, err := s.filesystem(fd)
	if err != nil || fs != recorded.fs {
		return false, 0, err
	}
	t, mount, err := s.handle(fd, "")
	switch {
	case recorded.typ == weakType && (err == nil || err == errNoHandle):
		var f facts
		f, err = s.stat(fd, "")
		t, mount = f.weak(), max(mount, f.mount)
	case err == errNoHandle:
		return false, 0, ErrUnverified
	}
	return err == nil && t.typ == recorded.typ && t.handle == recorded.handle, mount, err
}
