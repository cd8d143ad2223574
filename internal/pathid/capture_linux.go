package pathid

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func capture(path string) (ID, error) { return system{}.capture(path) }

func (s system) capture(path string) (ID, error) {
	full, fd, err := s.resolve(path)
	if err != nil {
		return ID{}, err
	}
	defer closeFD(fd)
	base := filepath.Base(full)
	dirs, mount, err := s.folders(fd, depth(full))
	if err != nil {
		return ID{}, problemf(full, err, "identify its folder")
	}
	id := newID(full, dirs, int64(os.Geteuid()))
	if inMemory(dirs[0].fs) {
		id.Boot = bootID()
	}
	leaf, itsMount, handleErr := s.handle(fd, base)
	var f facts
	if handleErr != syscall.ENOENT {
		f, err = s.stat(fd, base)
	}
	if err != nil {
		return ID{}, problemf(full, err, "look at it")
	}
	itsMount = max(itsMount, f.mount)
	switch {
	case f.exists && others(itsMount, mount):
		return ID{}, problem(full, ErrMount)
	case !f.exists:
		if id.Kind == Random { // nobody's home: the name was made up a moment ago
			return id, nil
		}
		return orNone(id, protectedName(full, places(id.UID)))
	case handleErr == nil:
		id.existing(leaf)
	case handleErr == errNoHandle:
		id.unverified()
	default:
		return ID{}, problemf(full, handleErr, "identify it")
	}
	if !f.isDir() && !f.isLink() {
		return id, nil
	}
	return orNone(id, s.protected(full, id.UID, f))
}

// resolve returns the path without links above its last name, and the open folder.
func (s system) resolve(path string) (string, int, error) {
	abs := path
	if !filepath.IsAbs(abs) {
		wd, err := os.Getwd()
		if err != nil {
			return "", -1, problemf(path, err, "find the working folder")
		}
		abs = wd + "/" + abs
	}
	// Clean is wrong about ".." behind a link.
	up := strings.Contains(abs, "..") && strings.Contains(abs+"/", "/../")
	if !up {
		abs = filepath.Clean(abs)
	}
	abs = strings.TrimRight(abs, "/")
	if abs == "" {
		return "", -1, problem("/", ErrProtected)
	}
	dir, base := filepath.Dir(abs), filepath.Base(abs)
	if up {
		last := strings.LastIndexByte(abs, '/')
		dir, base = abs[:last+1], abs[last+1:]
	}
	var err error
	if base == ".." || base == "." {
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			return "", -1, problemf(path, err, "resolve it")
		}
		dir, base, up = filepath.Dir(abs), filepath.Base(abs), false
	}
	if abs == "" || abs == "/" {
		return "", -1, problem("/", ErrProtected)
	}
	if !up {
		fd, err := s.openPlain(dir, openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
		if err == nil {
			return filepath.Join(dir, base), fd, nil
		}
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", -1, problemf(path, err, "find its folder; make that first")
	}
	fd, err := s.openPlain(dir, openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	if err != nil {
		return "", -1, problemf(path, err, "open its folder")
	}
	return filepath.Join(dir, base), fd, nil
}

// folders identifies an open folder and those above it, at most n, and returns the folder's mount. Those that this user
// may not look at are left out, with all above.
func (s system) folders(fd, n int) ([]thing, uint64, error) {
	first, mount, err := s.folder(fd)
	if err != nil {
		return nil, 0, err
	}
	dirs, last := []thing{first}, mount
	for up := ".."; len(dirs) < min(n, maxDirs); up += "/.." {
		t, m, err := s.handle(fd, up)
		fs := dirs[len(dirs)-1].fs
		switch {
		case m != last || m == 0 || strings.HasPrefix(fs, btrfs):
			t, m, err = s.folderAt(fd, up)
			fs = t.fs
		case err == errNoHandle: // of ext4, the root has none
			var f facts
			f, err = s.stat(fd, up)
			t = f.weak()
		}
		t.fs = fs
		if err != nil {
			break
		}
		dirs[len(dirs)-1].root = others(m, last)
		dirs, last = append(dirs, t), m
	}
	return dirs, mount, nil
}

// others reports whether two mounts are known, and not the same.
func others(a, b uint64) bool { return a != b && a != 0 && b != 0 }

// folderAt identifies a folder above an open one.
func (s system) folderAt(fd int, up string) (thing, uint64, error) {
	above, err := openat(fd, cstring(up), openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	if err != nil {
		return thing{}, 0, err
	}
	defer closeFD(above)
	return s.folder(above)
}

// places are the paths that stay, with what contains them: the homes and the working folder.
func places(uid int64) []string {
	all := users(uid)
	if wd, err := os.Getwd(); err == nil {
		all = append(all, wd)
	}
	return all
}

// users are the homes of the user of the record, and of this process.
func users(uid int64) []string { return homes(uid, int64(os.Geteuid()), int64(os.Getuid())) }

// protected refuses one of the places, and what contains one: by name, and a folder also by what it is, since a bind mount
// or a link gives it other names.
func (s system) protected(path string, uid int64, f facts) error {
	if err := protectedName(path, places(uid)); err != nil || !f.isDir() {
		return err
	}
	if s.contains(f, atFDCWD) {
		return problem(path, ErrProtected)
	}
	for _, place := range users(uid) {
		fd, err := openat(atFDCWD, cstring(place), openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
		if err != nil {
			continue // it is not there, or not for this user
		}
		contains := s.contains(f, fd)
		closeFD(fd)
		if contains {
			return problem(path, ErrProtected)
		}
	}
	return nil
}

// contains reports whether a folder is the open one or above it.
func (s system) contains(f facts, fd int) bool {
	var below facts
	for up, n := ".", 0; n < maxPath; up, n = up+"/..", n+1 {
		above, err := s.stat(fd, up)
		if err != nil || !above.exists || above.ino == below.ino && above.dev == below.dev {
			return false // as far as can be seen, or the root
		}
		if above.ino == f.ino && above.dev == f.dev {
			return true
		}
		below = above
	}
	return false
}
