package pathid

import (
	"syscall"
	"unsafe"
)

// system is how the kernel is asked. Its fields take away what old kernels and sandboxes lack, for tests; the zero value
// has everything, and notices by itself what is missing.
type system struct {
	noOpenat2, noHandles, noFID, noStatx, noRename2, noFchmodat2 bool
}

const (
	atFDCWD         = -100
	atNoFollow      = 0x100
	atRemoveDir     = 0x200
	atNoAutomount   = 0x800
	atEmptyPath     = 0x1000
	atHandleFID     = 0x200 // Linux 6.5
	openPath        = 0x200000
	resolveNoXdev   = 0x01
	resolveNoMagic  = 0x02
	resolveNoLinks  = 0x04
	renameNoReplace = 1
	statxWanted     = 0x7ff | statxBtime | statxMountID
	statxBtime      = 0x800
	statxMountID    = 0x1000 // Linux 5.8
)

// openFolder is what every folder is opened with to be read. O_DIRECTORY keeps the opening of a fifo from blocking.
const openFolder = syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_NOFOLLOW | syscall.O_CLOEXEC

// cstring returns a string for the kernel. It must not contain NUL; Check and the kernel's own names see to that.
func cstring(s string) *byte {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return &b[0]
}

// again calls a system call until no signal interrupts it.
func again(trap, a1, a2, a3, a4, a5 uintptr) (int, error) {
	for {
		n, _, errno := syscall.Syscall6(trap, a1, a2, a3, a4, a5, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return -1, errno
		}
	}
}

// openat2 is openat2(2), and ENOSYS where it is missing: before Linux 5.6, and in sandboxes that answer EPERM, which the
// call itself does not.
func (s system) openat2(dir int, name *byte, flags int, resolve uint64) (int, error) {
	if s.noOpenat2 {
		return -1, syscall.ENOSYS
	}
	how := struct{ flags, mode, resolve uint64 }{flags: uint64(flags), resolve: resolve}
	fd, err := again(sysOpenat2, uintptr(dir), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0)
	if err == syscall.EPERM {
		err = syscall.ENOSYS
	}
	return fd, err
}

func openat(dir int, name *byte, flags int) (int, error) {
	return again(syscall.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(name)), uintptr(flags), 0, 0)
}

func unlinkat(dir int, name *byte, flags int) error {
	_, err := again(syscall.SYS_UNLINKAT, uintptr(dir), uintptr(unsafe.Pointer(name)), uintptr(flags), 0, 0)
	return err
}

// renameNew renames within a folder and never replaces: renameat2(2) with RENAME_NOREPLACE.
func (s system) renameNew(dir int, from, to string) error {
	if s.noRename2 {
		return syscall.ENOSYS
	}
	_, err := again(sysRenameat2, uintptr(dir), uintptr(unsafe.Pointer(cstring(from))), uintptr(dir),
		uintptr(unsafe.Pointer(cstring(to))), renameNoReplace)
	return err
}

// facts are what statx(2) tells.
type facts struct {
	mode   uint32
	uid    uint32
	ino    uint64
	bsec   int64 // birth time; 0 when the filesystem has none
	bnsec  uint32
	dev    uint64
	mount  uint64 // 0 when the kernel does not tell
	exists bool
}

func (f facts) isDir() bool { return f.mode&syscall.S_IFMT == syscall.S_IFDIR }

func (f facts) isLink() bool { return f.mode&syscall.S_IFMT == syscall.S_IFLNK }

// stat returns the facts of a name in a folder, or of the folder itself when the name is empty. No link is followed. What
// does not exist is no error.
func (s system) stat(dir int, name string) (facts, error) {
	var x struct {
		mask, blksize                            uint32
		attributes                               uint64
		nlink, uid, gid                          uint32
		mode, _                                  uint16
		ino, size, blocks, attributesMask        uint64
		asec                                     int64
		ansec, _                                 uint32
		bsec                                     int64
		bnsec, _                                 uint32
		_                                        [4]uint64 // change and modification
		rdevMajor, rdevMinor, devMajor, devMinor uint32
		mount                                    uint64
		_                                        [13]uint64
	}
	err := error(syscall.ENOSYS)
	if !s.noStatx {
		_, err = again(sysStatx, uintptr(dir), uintptr(unsafe.Pointer(cstring(name))), atNoFollow|atNoAutomount|atEmptyPath,
			statxWanted, uintptr(unsafe.Pointer(&x)))
	}
	switch err {
	case nil:
		f := facts{mode: uint32(x.mode), uid: x.uid, ino: x.ino, dev: uint64(x.devMajor)<<32 | uint64(x.devMinor), exists: true}
		if x.mask&statxBtime != 0 {
			f.bsec, f.bnsec = x.bsec, x.bnsec
		}
		if x.mask&statxMountID != 0 {
			f.mount = x.mount
		}
		return f, nil
	case syscall.ENOSYS, syscall.EPERM: // before Linux 4.11, and old sandboxes
		return statOld(dir, name)
	case syscall.ENOENT:
		return facts{}, nil
	}
	return facts{}, err
}

// statOld is stat without statx: no birth time, no mount.
func statOld(dir int, name string) (facts, error) {
	fd := dir
	if name != "" {
		var err error
		fd, err = openat(dir, cstring(name), openPath|syscall.O_NOFOLLOW|syscall.O_CLOEXEC)
		if err == syscall.ENOENT {
			return facts{}, nil
		}
		if err != nil {
			return facts{}, err
		}
		defer closeFD(fd)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return facts{}, err
	}
	dev := uint64(st.Dev)
	major := dev>>8&0xfff | dev>>32&^0xfff // makedev(3)
	minor := dev&0xff | dev>>12&^0xff&0xffffffff
	return facts{mode: st.Mode, uid: st.Uid, ino: st.Ino, dev: major<<32 | minor, exists: true}, nil
}

// closeFD closes what was only looked through: there is nothing to lose by an error.
func closeFD(fd int) { _ = syscall.Close(fd) }

// openPlain opens an absolute path without following any link: for a folder with the flags of openFolder, or openPath.
// Without openat2 it walks: each component is opened in the one before with O_NOFOLLOW.
func (s system) openPlain(path string, flags int) (int, error) {
	fd, err := s.openat2(atFDCWD, cstring(path), flags, resolveNoLinks|resolveNoMagic)
	if err != syscall.ENOSYS {
		return fd, err
	}
	fd, err = openat(atFDCWD, cstring("/"), openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	for name := range components(path) {
		if err != nil {
			return -1, err
		}
		parent := fd
		fd, err = openat(parent, cstring(name), openPath|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC)
		closeFD(parent)
	}
	if err != nil || flags&openPath != 0 {
		return fd, err
	}
	defer closeFD(fd)
	return openat(fd, cstring("."), flags)
}

// openBelow opens one name in a folder without following a link and without leaving the mount: EXDEV. RESOLVE_BENEATH
// would add nothing to a name without a slash, and answers EXDEV as well when the folder is being moved. Where openat2 is
// missing, the mounts are compared; before Linux 5.8, where the kernel does not tell the mount, the devices: a bind mount
// of the same filesystem is not noticed then.
func (s system) openBelow(dir int, name *byte, flags int) (int, error) {
	fd, err := s.openat2(dir, name, flags|syscall.O_NOFOLLOW, resolveNoLinks|resolveNoMagic|resolveNoXdev)
	if err != syscall.ENOSYS {
		return fd, err
	}
	fd, err = openat(dir, name, flags|syscall.O_NOFOLLOW)
	if err != nil {
		return -1, err
	}
	here, err := s.stat(dir, "")
	if err == nil {
		var there facts
		there, err = s.stat(fd, "")
		if err == nil && (here.mount != there.mount || here.mount == 0 && here.dev != there.dev) {
			err = syscall.EXDEV
		}
	}
	if err != nil {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}

// chmod changes the mode of a descriptor that may be opened with O_PATH: fchmodat2(2) of Linux 6.6, before it by the
// descriptor's name in proc(5), which is no link that somebody else could turn.
func (s system) chmod(fd int, mode uint32) error {
	err := error(syscall.ENOSYS)
	if !s.noFchmodat2 {
		_, err = again(sysFchmodat2, uintptr(fd), uintptr(unsafe.Pointer(cstring(""))), uintptr(mode), atEmptyPath, 0)
	}
	if err == syscall.ENOSYS || err == syscall.EPERM {
		return syscall.Chmod("/proc/self/fd/"+itoa(fd), mode)
	}
	return err
}
