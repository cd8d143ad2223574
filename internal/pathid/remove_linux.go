package pathid

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
)

func remove(ctx context.Context, t target, o Options) error { return system{}.remove(ctx, t, o) }

func (s system) remove(ctx context.Context, t target, o Options) error {
	dir, mount, err := s.parent(t)
	if err != nil || dir < 0 {
		return err
	}
	defer closeFD(dir)
	t.mount = mount
	f, err := s.stat(dir, t.base)
	switch {
	case err != nil:
		return refusal(t.path, err)
	case !f.exists:
		return s.afterCrash(t, dir, o)
	case t.id.Kind == Existing && t.leaf.handle == "":
		return problem(t.path, ErrUnverified)
	}
	switch err := s.isLeaf(t, dir, t.base, f); err {
	case nil:
	case syscall.ENOENT: // it went while we looked
		return s.afterCrash(t, dir, o)
	default:
		s.dropAside(t, dir)
		return err
	}
	if err := t.inUse(o); err != nil {
		return err
	}
	switch {
	case f.isDir():
		return s.removeFolder(ctx, t, dir, o)
	case f.isLink() && protectedName(t.path, places(t.id.UID)) != nil: // a home may be a link
		return problem(t.path, ErrProtected)
	case !IsNewName(t.base):
		return s.removeAside(t, dir, o)
	}
	return refusal(t.path, unlinkat(dir, cstring(t.base), 0))
}

// isLeaf says whether the name in the folder, or the descriptor itself when the name is empty, may be removed: nil if so.
// ENOENT as such says that it is gone.
func (s system) isLeaf(t target, dir int, name string, f facts) error {
	if t.id.Kind != Existing {
		if int64(f.uid) != t.id.UID {
			return problemf(t.path, ErrNotOwner, "user %d", f.uid)
		}
		return nil
	}
	now, mount, err := s.handle(dir, name)
	switch {
	case others(mount, t.mount):
		return problem(t.path, ErrMount)
	case err == errNoHandle:
		return problem(t.path, ErrUnverified)
	case err == syscall.ENOENT:
		return err
	case err != nil:
		return refusal(t.path, err)
	case now.typ != t.leaf.typ || now.handle != t.leaf.handle:
		return problem(t.path, ErrReplaced)
	}
	return nil
}

// parent opens the folder of the leaf, if it is the recorded one, and returns its mount. The descriptor is -1 without an
// error when the folder is gone.
func (s system) parent(t target) (int, uint64, error) {
	path := filepath.Dir(t.path)
	fd, err := s.openPlain(path, openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
	switch err {
	case nil:
		same, mount, err := s.isFolder(fd, t.dirs[0])
		if err == nil && same {
			return fd, mount, nil
		}
		closeFD(fd)
		if err != nil {
			return -1, 0, problemf(t.path, err, "identify its folder")
		}
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ELOOP:
	default:
		return -1, 0, problemf(t.path, err, "open its folder")
	}
	err = s.withoutParent(t, path)
	if errors.Is(err, ErrElsewhere) && t.id.Boot != "" {
		if now := bootID(); now != "" && now != t.id.Boot {
			return -1, 0, nil // its filesystem was in memory, and that machine has been restarted
		}
	}
	return -1, 0, err
}

// withoutParent decides when the folder is not at its place any more: what the nearest recorded folder that is still at its
// own says. It is nil when the way down to the leaf ends there: then the leaf is gone with its folder.
func (s system) withoutParent(t target, path string) error {
	for i := 1; i < len(t.dirs); i++ {
		missing := filepath.Base(path)
		path = filepath.Dir(path)
		fd, err := s.openPlain(path, openPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC)
		if err == syscall.ENOENT || err == syscall.ENOTDIR || err == syscall.ELOOP {
			continue
		}
		if err != nil {
			return problemf(t.path, err, "open %q above it", path)
		}
		same, mount, err := s.isFolder(fd, t.dirs[i])
		if err != nil || !same {
			closeFD(fd)
			if err != nil {
				return problemf(t.path, err, "identify %q above it", path)
			}
			continue
		}
		f, err := s.stat(fd, missing)
		closeFD(fd)
		switch {
		case err != nil:
			return problemf(t.path, err, "look for %q in %q", missing, path)
		case t.dirs[i-1].root:
			return problemf(t.path, ErrElsewhere, "something else was mounted at %q in %q", missing, path)
		case !f.exists:
			return nil
		case others(f.mount, mount):
			return problemf(t.path, ErrElsewhere, "something else is mounted at %q in %q", missing, path)
		}
		return problemf(t.path, ErrReplaced, "its folder is gone, and %q in %q is a new one", missing, path)
	}
	return problem(t.path, ErrElsewhere)
}

// refusal puts an error of the kernel about a path in words; nil and what says that it is gone are nil.
func refusal(path string, err error) error {
	switch err {
	case nil, syscall.ENOENT:
		return nil
	case syscall.EBUSY:
		return problemf(path, ErrMount, "%v", err)
	case syscall.EISDIR, syscall.ENOTDIR, syscall.ELOOP: // it was changed into a folder, or from one, in the gap
		return problem(path, ErrReplaced)
	case syscall.EPERM:
		return problemf(path, err, "is it immutable (lsattr, chattr -i), or another user's in a shared folder")
	case syscall.EACCES:
		return problemf(path, err, "settle as a user who may write to its folder")
	case syscall.EROFS:
		return problemf(path, err, "mount it writable, then settle again")
	}
	return problemf(path, err, "not removed")
}
