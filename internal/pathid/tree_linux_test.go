package pathid

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// deepVictim is a victim of its own, for its limit of descriptors is that of a process.
var deepVictim = testproc.Victims{
	"deep": func(args []string) {
		if os.Geteuid() == 0 { // where it is faster
			inMounts(args[0], func(v *verdict, dir string) { v.must(syscall.Mount("tmpfs", dir, "tmpfs", 0, "")); deepTree(v, dir) })
			return
		}
		new(verdict).run(args[0], deepTree)
	},
}

func TestDeep(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		checkMounts(t, "deep")
		return
	}
	check(t, "deep", nil)
}

// deepTree removes a tree of 10 000 levels with hardly any descriptors, and leaves none open.
func deepTree(v *verdict, dir string) {
	const few = maxOpen - 10 // less than a removal wants to hold
	homes()                  // reads a file: the runtime opens some descriptors of its own with the first
	before := descriptors(v)
	v.must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: few, Max: few}))
	for name, s := range systems {
		tree := filepath.Join(dir, NewName(""))
		v.must(os.Mkdir(tree, 0o755))
		id, err := s.capture(tree)
		v.must(err)
		fd, err := s.openPlain(tree, openFolder)
		v.must(err)
		levels := 10_000
		if name != "all" {
			levels = 10 * maxOpen
		}
		for i := range levels {
			v.must(syscall.Mkdirat(fd, "x", 0o755))
			if i%100 == 0 {
				touch(v, fd, "file")
			}
			down, err := s.openBelow(fd, cstring("x"), openFolder)
			v.must(err)
			closeFD(fd)
			fd = down
		}
		closeFD(fd)
		if err := s.try(id); err != nil {
			v.Errorf("%s: %v", name, err)
		}
		isGone(v, tree)
	}
	if now := descriptors(v); len(now) != len(before) {
		v.Errorf("these descriptors are open: %q; before there were %q", now, before)
	}
}

func touch(v *verdict, dir int, name string) {
	fd, err := syscall.Openat(dir, name, syscall.O_CREAT|syscall.O_CLOEXEC|syscall.O_WRONLY, 0o600)
	v.must(err)
	closeFD(fd)
}

func descriptors(v *verdict) []string {
	entries, err := os.ReadDir("/proc/self/fd")
	v.must(err)
	var open []string
	for _, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		open = append(open, target)
	}
	return open
}

func TestWide(t *testing.T) {
	t.Parallel()
	tree := filepath.Join(folder(t), "tree")
	for i := range 500 {
		must(t, os.MkdirAll(filepath.Join(tree, fmt.Sprintf("folder-%d", i), "sub"), 0o755))
		must(t, os.WriteFile(filepath.Join(tree, fmt.Sprintf("file-%d", i)), nil, 0o600))
	}
	removes(t, captured(t, tree), nil)
	isGone(t, tree)
}

// TestImmutable can't remove some of a tree: that is told, by path and not endlessly, and the rest goes.
func TestImmutable(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	tree := filepath.Join(dir, "tree")
	var kept []string
	for i := range maxErrors + 10 {
		path := filepath.Join(tree, "sub", fmt.Sprintf("kept-%d", i))
		write(t, path)
		write(t, filepath.Join(tree, "sub", fmt.Sprintf("gone-%d", i)))
		kept = append(kept, path)
	}
	write(t, filepath.Join(tree, "beside", "gone"))
	t.Cleanup(func() {
		for _, path := range kept {
			_ = setImmutable(path, false)
		}
	})
	for _, path := range kept {
		if err := setImmutable(path, true); err != nil {
			t.Skip("nothing can be made immutable here:", err)
		}
	}
	id := captured(t, tree)
	err := system{}.try(id)
	wants(t, err, syscall.EPERM, tree)
	stays(t, kept...)
	isGone(t, filepath.Join(tree, "beside"))
	entries, readErr := os.ReadDir(filepath.Join(tree, "sub"))
	must(t, readErr)
	if len(entries) != len(kept) {
		t.Errorf("%d entries stay, want %d", len(entries), len(kept))
	}
	text := fmt.Sprint(err)
	if n := strings.Count(text, "\n") + 1; n != maxErrors+1 || !strings.Contains(text, "10 more errors") {
		t.Errorf("%d lines of errors:\n%s", n, text)
	}
	if !strings.Contains(text, filepath.Join(tree, "sub", "kept-")) || !strings.Contains(text, "lsattr") {
		t.Errorf("the error does not help: %s", text)
	}
	for _, path := range kept {
		must(t, setImmutable(path, false))
	}
	removes(t, id, nil)
	isGone(t, tree)
}
