package pathid

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"syscall"
)

// removeAside removes a file that somebody may be replacing at this moment: see Remove. The name it is moved to is made from
// the record, so that the next attempt finds it if this one is killed in between.
func (s system) removeAside(t target, dir int, o Options) error {
	aside := t.aside()
	err := s.renameNew(dir, t.base, aside)
	if err == syscall.EEXIST { // of an attempt that was killed
		if err := s.afterCrash(t, dir, o); err != nil {
			return err
		}
		err = s.renameNew(dir, t.base, aside)
	}
	switch err {
	case nil:
		return s.settleAside(t, dir, o)
	case syscall.ENOENT:
		return nil
	case syscall.ENOSYS, syscall.EINVAL, syscall.EPERM: // kernels, filesystems or sandboxes that can't
		return refusal(t.path, unlinkat(dir, cstring(t.base), 0))
	}
	return refusal(t.path, err)
}

// settleAside removes what was moved aside if it may be removed, and else puts it back.
func (s system) settleAside(t target, dir int, o Options) error {
	aside := t.aside()
	f, err := s.stat(dir, aside)
	if err != nil || !f.exists {
		return refusal(t.path, err)
	}
	not := s.isLeaf(t, dir, aside, f)
	switch {
	case not == syscall.ENOENT:
		return nil
	case not == nil && f.isDir(): // a file before
		not = problem(t.path, ErrReplaced)
	case not == nil && t.id.Kind == Named: // who has made it since the first look had recorded it before
		not = t.inUse(o)
	}
	if not == nil {
		return refusal(t.path, unlinkat(dir, cstring(aside), 0))
	}
	if err := s.renameNew(dir, aside, t.base); err != nil && err != syscall.ENOENT {
		return problemf(t.path, not, "caught another file, which waits as %q beside it (%v)", aside, err)
	}
	return not
}

// afterCrash is for a name that is free: it removes, or puts back, what a killed attempt has left aside.
func (s system) afterCrash(t target, dir int, o Options) error {
	if !t.mayBeAside() {
		return nil
	}
	return s.settleAside(t, dir, o)
}

// dropAside is for a name that something new bears: it removes what a killed attempt has left aside, if that is the
// recorded thing. What else may wait there can't be put back now.
func (s system) dropAside(t target, dir int) {
	if t.id.Kind == Existing && t.mayBeAside() && s.isLeaf(t, dir, t.aside(), facts{}) == nil {
		_ = unlinkat(dir, cstring(t.aside()), 0)
	}
}

// mayBeAside reports whether the record is of the sort that removeAside is for.
func (t target) mayBeAside() bool {
	return !IsNewName(t.base) && (t.id.Kind == Named || t.leaf.handle != "")
}

// aside is a name of NewName's form that only this record leads to.
func (t target) aside() string {
	sum := sha256.Sum256([]byte(t.id.Leaf + " " + t.id.Dirs[0] + " " + t.base))
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	return "." + mark + strings.ToLower(text[:randomSize])
}
