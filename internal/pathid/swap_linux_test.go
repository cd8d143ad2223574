package pathid

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"
)

// exchange swaps two paths in one step, as an attacker would: renameat2(2) with RENAME_EXCHANGE.
func exchange(a, b string) error { return exchangeAt(atFDCWD, a, b) }

// exchangeAt is exchange with the first path in an open folder.
func exchangeAt(dir int, a, b string) error {
	const swap = 2
	here := atFDCWD
	_, err := again(sysRenameat2, uintptr(dir), uintptr(unsafe.Pointer(cstring(a))), uintptr(here), uintptr(unsafe.Pointer(cstring(b))), swap)
	return err
}

// while runs f again and again until the returned function is called, which waits for it and returns how often it ran.
func while(f func()) func() int {
	var stop atomic.Bool
	var running sync.WaitGroup
	var n atomic.Int64
	running.Go(func() { // ends when stop is set
		for !stop.Load() {
			f()
			n.Add(1)
		}
	})
	return func() int {
		stop.Store(true)
		running.Wait()
		return int(n.Load())
	}
}

// TestSwappedBefore swaps each part of the path for a link to a folder that has everything by the same name.
func TestSwappedBefore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s system) {
		for _, base := range []string{"own", NewName("")} {
			for _, sort := range []string{"file", "folder", "link"} {
				for _, part := range []string{"a", "a/b", "a/b/c", "a/b/c/" + base} {
					dir := folder(t)
					path, victim := filepath.Join(dir, "a", "b", "c", base), filepath.Join(dir, "victim")
					must(t, os.MkdirAll(filepath.Dir(path), 0o755))
					absent := s.captured(t, path)
					place(t, sort, path)
					existing := s.captured(t, path)
					must(t, os.Rename(filepath.Join(dir, part), victim))
					link(t, victim, filepath.Join(dir, part))
					if part != "a/b/c/"+base {
						s.removes(t, existing, ErrReplaced)
						s.removes(t, absent, ErrReplaced)
						stays(t, path, filepath.Join(dir, part))
						continue
					}
					if err := s.try(existing); err == nil && existing.Exists() {
						t.Errorf("%s was replaced by a link", path)
					}
					s.removes(t, absent, nil) // the link, by its name
					isGone(t, path)
					stays(t, victim)
				}
			}
		}
	})
}

// rounds of the tests that race against Remove.
func rounds(t *testing.T, n int) int {
	t.Helper()
	if testing.Short() {
		return n / 10
	}
	return n
}

// TestSwappedParent swaps the parent for a link to a victim, back and forth, while what is in it is removed.
func TestSwappedParent(t *testing.T) {
	t.Parallel()
	for _, s := range []system{{}, {noOpenat2: true}} {
		dir := folder(t)
		parent, other, victim := filepath.Join(dir, "parent"), filepath.Join(dir, "other"), filepath.Join(dir, "victim")
		must(t, os.Mkdir(parent, 0o755))
		must(t, os.Mkdir(victim, 0o755))
		link(t, victim, other)
		base := NewName("")
		write(t, filepath.Join(victim, "own", "file"))
		write(t, filepath.Join(victim, base))
		random, named := s.captured(t, filepath.Join(parent, base)), s.captured(t, filepath.Join(parent, "own"))
		stop := while(func() { _ = exchange(parent, other) })
		removed := 0
		for range rounds(t, 1500) {
			for _, id := range []ID{random, named} {
				err := s.try(id)
				if err == nil {
					removed++
				} else if !errors.Is(err, ErrReplaced) && !errors.Is(err, ErrElsewhere) {
					t.Fatal(err)
				}
			}
		}
		n := stop()
		stays(t, filepath.Join(victim, "own", "file"), filepath.Join(victim, base))
		t.Logf("swapped %d times; %d removals found the folder", n, removed)
	}
}

// TestSwappedInside swaps folders of a tree for links to a victim while the tree is removed.
func TestSwappedInside(t *testing.T) {
	t.Parallel()
	for _, s := range []system{{}, {noOpenat2: true}, {noOpenat2: true, noStatx: true}} {
		dir := folder(t)
		victim, tree, other := filepath.Join(dir, "victim"), filepath.Join(dir, "tree"), filepath.Join(dir, "other")
		var files []string
		for _, name := range []string{"f", "g", "sub/f", "sub/sub/f"} {
			files = append(files, filepath.Join(victim, name))
			write(t, filepath.Join(victim, name))
		}
		swaps := 0
		for range rounds(t, 40) {
			for _, name := range []string{"a/f", "a/sub/f", "a/sub/sub/f", "a/sub/sub/sub/f", "b", "c/f"} {
				write(t, filepath.Join(tree, name))
			}
			id := s.captured(t, tree)
			link(t, victim, other)
			a, err := s.openPlain(filepath.Join(tree, "a"), openFolder)
			must(t, err)
			stop := while(func() {
				_ = exchange(filepath.Join(tree, "a"), other)
				_ = exchangeAt(a, "sub", other) // not by its path, which may lead to the victim now
			})
			err = s.try(id)
			swaps += stop()
			closeFD(a)
			if err != nil && !errors.Is(err, ErrBusy) && !errors.Is(err, ErrReplaced) {
				t.Fatal(err)
			}
			stays(t, files...)
			must(t, os.RemoveAll(other))
			must(t, os.RemoveAll(tree))
		}
		t.Logf("swapped %d times", swaps)
	}
}

// TestReplacedMeanwhile has a new file come into the place of the old one at the moment in which that is removed. The new
// one is never lost.
func TestReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path, fresh := filepath.Join(dir, "own"), filepath.Join(dir, "new")
	outcome := make(map[string]int)
	for i := range rounds(t, 1000) {
		write(t, path)
		write(t, fresh)
		id := captured(t, path)
		var spin atomic.Int64
		var replacing sync.WaitGroup
		begin := make(chan struct{})
		replacing.Go(func() { // ends with the rename
			<-begin
			for spin.Add(1) < int64(i%97)*40 { // a moment that is another one each time
			}
			_ = os.Rename(fresh, path)
		})
		close(begin)
		err := system{}.try(id)
		replacing.Wait()
		switch {
		case err == nil:
			outcome["removed"]++
		case errors.Is(err, ErrReplaced):
			outcome["replaced"]++
		default:
			t.Fatal(err)
		}
		if !isThere(path) {
			t.Fatalf("round %d: the new file is lost (%v; %v)", i, err, outcome)
		}
		entries, err := os.ReadDir(dir)
		must(t, err)
		if len(entries) != 1 {
			t.Fatalf("round %d left %v", i, entries)
		}
	}
	t.Log(outcome)
}

// A meddler is a context that does something each time that it is asked: between the steps of a removal.
type meddler struct {
	context.Context
	meddle func(n int)
	n      int
}

func (m *meddler) Err() error {
	m.n++
	m.meddle(m.n)
	return m.Context.Err()
}

// meddled removes a tree while somebody meddles.
func meddled(ctx context.Context, id ID, meddle func(n int)) error {
	return Remove(&meddler{Context: ctx, meddle: meddle}, id, Options{})
}

// TestMovedMeanwhile moves the tree itself away, and puts another folder there.
func TestMovedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, rule := range []Kind{Existing, Random, Named} {
		dir := folder(t)
		tree, away := filepath.Join(dir, "tree"), filepath.Join(dir, "away")
		if rule == Random {
			tree = filepath.Join(dir, NewName(""))
		}
		id := captured(t, tree)
		for _, name := range []string{"a/1", "b/1", "c/1", "d/1", "e/1", "f/1", "g/1", "h/1", "i/1"} {
			write(t, filepath.Join(tree, name))
		}
		if rule == Existing {
			id = captured(t, tree)
		}
		err := meddled(context.Background(), id, func(n int) {
			if n == 2 { // the first is before anything
				must(t, os.Rename(tree, away))
				must(t, os.Mkdir(tree, 0o755)) // empty: rmdir would take it
			}
		})
		wants(t, err, ErrReplaced, tree)
		stays(t, tree, away)
		if left, err := os.ReadDir(away); err != nil || len(left) > 0 {
			t.Errorf("the recorded folder was not emptied: %v, %v", left, err)
		}
	}
}

// TestMovedInside moves a folder of a deep tree into a bystander, so that the way back up leads elsewhere.
func TestMovedInside(t *testing.T) {
	t.Parallel()
	for _, s := range []system{{}, {noHandles: true}} {
		dir := folder(t)
		tree, bystander := filepath.Join(dir, NewName("")), filepath.Join(dir, "bystander")
		write(t, filepath.Join(bystander, "file"))
		must(t, os.Mkdir(filepath.Join(bystander, "x"), 0o755)) // an empty folder by the name of the moved one's parent
		id := s.captured(t, tree)
		deep := tree
		for range 3 * maxOpen {
			deep = filepath.Join(deep, "x")
		}
		must(t, os.MkdirAll(deep, 0o755))
		half := tree
		for range maxOpen {
			half = filepath.Join(half, "x")
		}
		target, err := id.decode()
		must(t, err)
		moved := false
		err = s.remove(&meddler{Context: context.Background(), meddle: func(n int) {
			if n > 3*maxOpen/8-2 && !moved {
				moved = true
				must(t, os.Rename(half, filepath.Join(bystander, "moved")))
			}
		}}, target, Options{})
		wants(t, err, ErrReplaced, tree)
		stays(t, filepath.Join(bystander, "file"), filepath.Join(bystander, "x"))
		must(t, os.RemoveAll(filepath.Join(bystander, "moved")))
		s.removes(t, id, nil)
	}
}

// TestStopped ends the context in the middle, and continues later.
func TestStopped(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	for range 300 {
		write(t, filepath.Join(tree, NewName("")))
	}
	id := captured(t, tree)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("no time")
	err := meddled(ctx, id, func(n int) {
		if n == 3 {
			cancel(why)
		}
	})
	wants(t, err, why, tree)
	left, err := os.ReadDir(tree)
	must(t, err)
	if len(left) < 100 || len(left) >= 300 {
		t.Errorf("%d are left", len(left))
	}
	removes(t, id, nil)
	isGone(t, tree)
}

// TestGrowing removes a tree into which somebody writes all the time: it ends, and either way tells the truth.
func TestGrowing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for i := range 20 {
		tree := filepath.Join(dir, NewName(""))
		write(t, filepath.Join(tree, "sub", "file"))
		id := captured(t, tree)
		n := 0
		stop := while(func() {
			_ = os.WriteFile(filepath.Join(tree, "sub", "file"+itoa(n)), nil, 0o600)
			n++
		})
		err := Remove(context.Background(), id, Options{})
		stop()
		if err != nil && !errors.Is(err, ErrBusy) || err == nil == isThere(tree) {
			t.Errorf("round %d: %v, there: %v", i, err, isThere(tree))
		}
	}
}

// TestGrown has new entries come exactly when a folder was read: once, and each time that it is read.
func TestGrown(t *testing.T) {
	t.Parallel()
	tree := filepath.Join(folder(t), "tree")
	grow := func(n int) {
		for range n {
			must(t, os.MkdirAll(filepath.Join(tree, "sub", NewName("")), 0o755))
		}
	}
	grow(askEvery)
	err := meddled(context.Background(), captured(t, tree), func(n int) {
		if n == 2 {
			grow(1)
		}
	})
	must(t, err)
	isGone(t, tree)

	const folders = 8 // that a walk enters before it asks again: what was there grows again
	grow(askEvery)
	id := captured(t, tree)
	wants(t, meddled(context.Background(), id, func(int) { grow(folders) }), ErrBusy, tree)
	removes(t, id, nil)
}

// setImmutable is chattr +i or -i: FS_IOC_SETFLAGS of ioctl_iflags(2).
func setImmutable(path string, on bool) error {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer closeFD(fd)
	const get, set, immutable = 0x80086601, 0x40086602, 0x10
	var flags int64
	if _, err := again(syscall.SYS_IOCTL, uintptr(fd), get, uintptr(unsafe.Pointer(&flags)), 0, 0); err != nil {
		return err
	}
	flags &^= immutable
	if on {
		flags |= immutable
	}
	_, err = again(syscall.SYS_IOCTL, uintptr(fd), set, uintptr(unsafe.Pointer(&flags)), 0, 0)
	return err
}
