//go:build !linux

package pathid

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// This is the weaker form, for systems other than Linux:
//
//   - A thing is told by its filesystem, its number in it and, where there is one, its birth time. APFS and NTFS do not give
//     a number twice; other filesystems may.
//   - The parent is opened by its path, and then compared with what was recorded, so a swap is noticed. What is below it
//     is removed by an os.Root, which follows no link out of it.
//   - A mount point in a tree is looked for before the removal begins, not while it runs, and by its device.
//   - A file is removed right after it was looked at: there is no detour over another name.

// weakSuffices says whether an existing leaf may be removed on a weak identity.
const weakSuffices = true

func capture(path string) (ID, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ID{}, problemf(path, err, "make it absolute")
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return ID{}, problemf(path, err, "find its folder; make that first")
	}
	full := filepath.Join(dir, filepath.Base(abs))
	if filepath.Dir(full) == full {
		return ID{}, problem(full, ErrProtected)
	}
	var dirs []thing
	for above := dir; len(dirs) < maxDirs; above = filepath.Dir(above) {
		t, _, err := identify(above)
		if err != nil {
			if len(dirs) > 0 {
				break // not for this user
			}
			return ID{}, problemf(full, err, "identify its folder")
		}
		if n := len(dirs); n > 0 {
			dirs[n-1].root = dirs[n-1].fs != t.fs
		}
		dirs = append(dirs, t)
		if filepath.Dir(above) == above {
			break
		}
	}
	id := newID(full, dirs, int64(os.Geteuid()))
	leaf, info, err := identify(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if id.Kind == Random {
			return id, nil
		}
		return orNone(id, protectedName(full, places(id.UID)))
	case err != nil:
		return ID{}, problemf(full, err, "identify it")
	case leaf.fs != dirs[0].fs:
		return ID{}, problem(full, ErrMount)
	}
	id.existing(leaf)
	return orNone(id, protected(full, id.UID, info))
}

// places are the paths that stay, with what contains them.
func places(uid int64) []string {
	all := homes(uid, int64(os.Geteuid()), int64(os.Getuid()))
	if wd, err := os.Getwd(); err == nil {
		all = append(all, wd)
	}
	for _, place := range all {
		if real, err := filepath.EvalSymlinks(place); err == nil {
			all = append(all, real)
		}
	}
	return all
}

// protected refuses one of the places, and what contains one: by name, and a folder also by what it is.
func protected(path string, uid int64, info fs.FileInfo) error {
	all := places(uid)
	if err := protectedName(path, all); err != nil || !info.IsDir() {
		return err
	}
	for _, place := range all {
		for above := place; ; above = filepath.Dir(above) {
			if its, err := os.Stat(above); err == nil && os.SameFile(its, info) {
				return problem(path, ErrProtected)
			}
			if filepath.Dir(above) == above {
				break
			}
		}
	}
	return nil
}

func remove(ctx context.Context, t target, o Options) error {
	dir := filepath.Dir(t.path)
	now, _, err := identify(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return problemf(t.path, err, "identify its folder")
	}
	if err != nil || !now.is(t.dirs[0]) {
		return withoutParent(t, dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return problemf(t.path, err, "open its folder")
	}
	defer func() { _ = root.Close() }()
	info, err := root.Lstat(t.base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return problemf(t.path, err, "look at it")
	}
	if err := isLeaf(t, root, info); err != nil {
		return err
	}
	if err := t.inUse(o); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		if err := protected(t.path, t.id.UID, info); err != nil {
			return err
		}
	}
	if !info.IsDir() {
		return gone(t, root.Remove(t.base))
	}
	if err := searchMounts(ctx, t, root); err != nil {
		return err
	}
	return gone(t, root.RemoveAll(t.base))
}

func gone(t target, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return problemf(t.path, err, "not removed")
}

// is compares a folder with the recorded one.
func (t thing) is(recorded thing) bool {
	return t.fs == recorded.fs && t.typ == recorded.typ && t.handle == recorded.handle
}

// isLeaf says whether what is there may be removed: nil if so.
func isLeaf(t target, root *os.Root, info fs.FileInfo) error {
	// The root was opened by its path: this is where a swap of it is noticed.
	opened, err := root.Stat(".")
	if err != nil {
		return problemf(t.path, err, "look at its folder")
	}
	dir, named, err := identify(filepath.Dir(t.path))
	if err != nil || !dir.is(t.dirs[0]) || !os.SameFile(opened, named) {
		return problem(t.path, ErrElsewhere)
	}
	leaf, again, err := identify(t.path)
	switch {
	case err != nil:
		return problemf(t.path, err, "identify it")
	case !os.SameFile(info, again):
		return problem(t.path, ErrReplaced)
	case leaf.fs != t.dirs[0].fs:
		return problem(t.path, ErrMount)
	case t.id.Kind == Existing && t.leaf.handle == "":
		return problem(t.path, ErrUnverified)
	case t.id.Kind == Existing && !leaf.is(t.leaf):
		return problem(t.path, ErrReplaced)
	}
	if uid := owner(info); t.id.Kind != Existing && uid != t.id.UID {
		return problemf(t.path, ErrNotOwner, "user %d", uid)
	}
	return nil
}

// withoutParent decides when the folder is not at its place any more: what the nearest recorded folder that is still at its
// own says.
func withoutParent(t target, path string) error {
	for i := 1; i < len(t.dirs); i++ {
		missing := path
		path = filepath.Dir(path)
		now, _, err := identify(path)
		if err != nil || !now.is(t.dirs[i]) {
			continue
		}
		there, _, err := identify(missing)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return problemf(t.path, err, "look for %q", missing)
		case t.dirs[i-1].root || err == nil && there.fs != now.fs:
			return problemf(t.path, ErrElsewhere, "something else was, or is, mounted at %q", missing)
		case err != nil:
			return nil
		}
		return problemf(t.path, ErrReplaced, "its folder is gone, and %q is a new one", missing)
	}
	return problem(t.path, ErrElsewhere)
}

// searchMounts looks for another filesystem in the tree.
func searchMounts(ctx context.Context, t target, root *os.Root) error {
	return fs.WalkDir(root.FS(), filepath.ToSlash(t.base), func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return problemf(t.path, context.Cause(ctx), "not removed")
		}
		if err != nil || !d.IsDir() {
			return nil // what can't be read can't be removed either: that error is told then
		}
		path := filepath.Join(filepath.Dir(t.path), filepath.FromSlash(name))
		if its, _, err := identify(path); err == nil && its.fs != t.dirs[0].fs {
			return problem(path, ErrMount)
		}
		return nil
	})
}
