package pathid

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// wrongs are the lines of a victim that say that something is wrong.
func wrongs(out string) []string {
	var lines []string
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "wrong: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// checkMounts starts a victim with mounts of its own. An ordinary user has none to give.
func checkMounts(t *testing.T, victim string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root may mount", victim)
	}
	check(t, victim, &syscall.SysProcAttr{Setpgid: true, Cloneflags: syscall.CLONE_NEWNS})
}

func TestMountInTree(t *testing.T) {
	t.Parallel()
	checkMounts(t, "mounts")
}

// mountInTree has a bind mount of the same filesystem, one of a file and a tmpfs in a tree, and one at the leaf.
func mountInTree(v *verdict, dir string) {
	for name, s := range systems {
		tree, victim := filepath.Join(dir, NewName("")), filepath.Join(dir, "victim")
		bound, boundFile, tmp := filepath.Join(tree, "a", "bound"), filepath.Join(tree, "a", "bound-file"), filepath.Join(tree, "tmp")
		write(v, filepath.Join(victim, "sub", "file"))
		write(v, filepath.Join(tree, "a", "file"))
		write(v, boundFile)
		v.must(os.MkdirAll(bound, 0o755))
		v.must(os.MkdirAll(tmp, 0o755))
		v.must(syscall.Mount(victim, bound, "", syscall.MS_BIND, ""))
		v.must(syscall.Mount(filepath.Join(victim, "sub", "file"), boundFile, "", syscall.MS_BIND, ""))
		v.must(syscall.Mount("tmpfs", tmp, "tmpfs", 0, ""))
		write(v, filepath.Join(tmp, "file"))
		id, err := s.capture(tree)
		v.must(err)
		unnoticed := s.noOpenat2 && s.noStatx // openBelow says so
		if unnoticed {
			v.must(syscall.Unmount(bound, 0))
		}
		err = s.try(id)
		wants(v, err, ErrMount, name)
		for _, path := range []string{bound, boundFile, tmp} {
			if err == nil || !strings.Contains(err.Error(), `"`+path+`"`) && (path != bound || !unnoticed) {
				v.Errorf("%s: the error does not name %s: %v", name, path, err)
			}
		}
		stays(v, filepath.Join(victim, "sub", "file"), filepath.Join(tmp, "file"))
		isGone(v, filepath.Join(tree, "a", "file"))
		if !unnoticed {
			v.must(syscall.Unmount(bound, 0))
		}
		v.must(syscall.Unmount(boundFile, 0))
		v.must(syscall.Unmount(tmp, 0))
		s.removes(v, id, nil)

		later := filepath.Join(dir, NewName("")) // the leaf is a mount point by now, of a folder and of a file
		for _, source := range []string{victim, filepath.Join(victim, "sub", "file")} {
			id, err = s.capture(later)
			v.must(err)
			if source == victim {
				v.must(os.Mkdir(later, 0o755))
			} else {
				write(v, later)
			}
			v.must(syscall.Mount(source, later, "", syscall.MS_BIND, ""))
			if !unnoticed || source != victim {
				s.removes(v, id, ErrMount)
			}
			stays(v, later, filepath.Join(victim, "sub", "file"))
			v.must(syscall.Unmount(later, 0))
			s.removes(v, id, nil)
		}

		v.must(os.Mkdir(tree, 0o755)) // and this one was something
		write(v, filepath.Join(tree, "file"))
		id, err = s.capture(tree)
		v.must(err)
		v.must(syscall.Mount("tmpfs", tree, "tmpfs", 0, ""))
		write(v, filepath.Join(tree, "file"))
		if _, err := s.capture(tree); !s.noStatx && !errors.Is(err, ErrMount) {
			v.Errorf("%s: captured a mount point: %v", name, err)
		}
		if err := s.try(id); !errors.Is(err, ErrMount) {
			v.Errorf("%s: a mount over the leaf: %v", name, err)
		}
		stays(v, filepath.Join(tree, "file"))
		v.must(syscall.Unmount(tree, 0))
		stays(v, filepath.Join(tree, "file"))
	}
}

func TestElsewhereMounted(t *testing.T) {
	t.Parallel()
	checkMounts(t, "elsewhere")
}

// otherMounts captures in one set of mounts and settles in another.
func otherMounts(v *verdict, dir string) {
	mnt := filepath.Join(dir, "mnt")
	write(v, filepath.Join(mnt, "app", "bystander"))
	random := NewName("")
	paths := []string{filepath.Join(mnt, "own"), filepath.Join(mnt, "app", "own"), filepath.Join(mnt, "app", random), filepath.Join(mnt, "app", "later")}

	// The program sees a volume, the guard what is below it; then the other way round.
	for _, volumeFirst := range []bool{true, false} {
		var ids []ID
		mount := func() {
			v.must(syscall.Mount("tmpfs", mnt, "tmpfs", 0, ""))
			v.must(os.MkdirAll(filepath.Join(mnt, "app"), 0o755))
		}
		if volumeFirst {
			mount()
		}
		write(v, paths[0])
		write(v, paths[1])
		for _, path := range paths {
			id, err := Capture(path)
			v.must(err)
			ids = append(ids, journaled(v, id))
		}
		if volumeFirst {
			v.must(syscall.Unmount(mnt, 0))
		} else {
			mount()
		}
		for _, id := range ids {
			removes(v, id, ErrElsewhere) // absent here, but that says nothing
		}
		for _, path := range paths {
			write(v, path)
		}
		for _, id := range ids {
			removes(v, id, ErrElsewhere)
		}
		stays(v, paths...)
		v.must(os.RemoveAll(filepath.Join(mnt, "app")))
		for _, id := range ids {
			removes(v, id, ErrElsewhere)
		}
		if !volumeFirst {
			v.must(syscall.Unmount(mnt, 0))
			for _, id := range ids {
				removes(v, id, nil)
			}
		}
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	checkMounts(t, "overlay")
}

// overlay is what containers have: it refuses handles without AT_HANDLE_FID.
func overlay(v *verdict, dir string) {
	v.must(syscall.Mount("tmpfs", dir, "tmpfs", 0, "")) // an overlay on an overlay is not allowed
	merged, lower := filepath.Join(dir, "merged"), filepath.Join(dir, "lower")
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		v.must(os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	write(v, filepath.Join(lower, "sub", "file"))
	write(v, filepath.Join(lower, "sub", "kept"))
	write(v, filepath.Join(lower, "file"))
	options := "lowerdir=" + lower + ",upperdir=" + filepath.Join(dir, "upper") + ",workdir=" + filepath.Join(dir, "work")
	if err := syscall.Mount("overlay", merged, "overlay", 0, options); err != nil {
		v.Log("no overlayfs here:", err)
		return
	}
	everywhere(v, merged)
	for _, base := range []string{"file", "sub"} { // of the layer below
		path := filepath.Join(merged, base)
		id, err := Capture(path)
		v.must(err)
		if !id.Exists() {
			v.Log("no identity for what is in the lower layer:", base)
			continue
		}
		removes(v, id, nil)
		isGone(v, path)
		write(v, path)
		removes(v, id, ErrReplaced)
		stays(v, path, filepath.Join(lower, base))
	}
}

func TestTmpfs(t *testing.T) {
	t.Parallel()
	checkMounts(t, "tmpfs")
}

func onTmpfs(v *verdict, dir string) {
	v.must(syscall.Mount("tmpfs", dir, "tmpfs", 0, ""))
	everywhere(v, dir)

	// After a reboot the tmpfs is another one, empty. Before, one that is not to be seen proves nothing.
	path := filepath.Join(dir, "own")
	write(v, path)
	id, err := Capture(path)
	v.must(err)
	id.Dirs[0] = "1021994.1:1:AAAA:m"
	removes(v, id, ErrElsewhere)
	id.Boot = "00000000-0000-4000-8000-000000000000"
	removes(v, id, nil)
	stays(v, path)
}

// everywhere is the short version of the rules, for a filesystem.
func everywhere(v *verdict, dir string) {
	for _, sort := range []string{"file", "folder", "link"} {
		for _, base := range []string{"own", NewName("")} {
			path := filepath.Join(dir, base)
			absent, err := Capture(path)
			v.must(err)
			place(v, sort, path)
			id, err := Capture(path)
			v.must(err)
			if !id.Exists() {
				v.Errorf("%s: no identity", path)
			}
			removes(v, id, nil)
			isGone(v, path)
			place(v, sort, path)
			removes(v, id, ErrReplaced)
			stays(v, path)
			removes(v, absent, nil)
			isGone(v, path)
		}
	}
	tree := filepath.Join(dir, "tree")
	for _, name := range []string{"a/b/c/d", "a/e", "f"} {
		write(v, filepath.Join(tree, name))
	}
	id, err := Capture(tree)
	v.must(err)
	below, err := Capture(filepath.Join(tree, "a", "b", "c", "d"))
	v.must(err)
	removes(v, id, nil)
	removes(v, below, nil)
	isGone(v, tree)
}

func TestBindHome(t *testing.T) {
	t.Parallel()
	checkMounts(t, "bind-home")
}

// bindHome reaches a home by another name.
func bindHome(v *verdict, dir string) {
	home, other := filepath.Join(dir, "users", "me"), filepath.Join(dir, "other")
	write(v, filepath.Join(home, "file"))
	v.must(os.Mkdir(other, 0o755))
	v.must(syscall.Mount(dir, other, "", syscall.MS_BIND, ""))
	path := filepath.Join(other, "users")
	id, err := Capture(path)
	v.must(err)
	v.must(os.Setenv("HOME", home))
	removes(v, id, ErrProtected)
	_, err = Capture(filepath.Join(path, "me"))
	wants(v, err, ErrProtected, path)
	v.must(os.Setenv("HOME", "/"))
	v.must(os.Chdir(home))
	removes(v, id, ErrProtected)
	stays(v, filepath.Join(home, "file"))
	v.must(os.Chdir("/"))
	wants(v, Remove(context.Background(), id, Options{}), nil, path)
}
