package pathid

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// systems are the kernels and sandboxes that the tests stand for.
var systems = map[string]system{
	"all":         {},
	"no openat2":  {noOpenat2: true},
	"no handles":  {noHandles: true},
	"no FID":      {noFID: true},
	"no statx":    {noStatx: true},
	"no rename2":  {noRename2: true},
	"old":         {noOpenat2: true, noFID: true, noStatx: true, noRename2: true, noFchmodat2: true},
	"old sandbox": {noOpenat2: true, noHandles: true, noStatx: true, noRename2: true, noFchmodat2: true},
}

// onEach runs a test on each of the systems.
func onEach(t *testing.T, test func(t *testing.T, s system)) {
	t.Helper()
	for name, s := range systems {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func (s system) captured(t testing.TB, path string) ID {
	t.Helper()
	id, err := s.capture(path)
	must(t, err)
	return journaled(t, id)
}

func (s system) removes(t testing.TB, id ID, want error) {
	t.Helper()
	wants(t, s.try(id), want, id.Path())
}

func (s system) try(id ID) error { return s.tryWith(id, Options{}) }

func (s system) tryWith(id ID, o Options) error {
	target, err := id.decode()
	if err != nil {
		return err
	}
	return s.remove(context.Background(), target, o)
}

// TestFallbacks removes one of each kind on each system.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s system) {
		dir := folder(t)
		for _, sort := range []string{"file", "folder", "link"} {
			for _, base := range []string{"own", NewName("")} {
				path := filepath.Join(dir, base)
				absent := s.captured(t, path)
				place(t, sort, path)
				existing := s.captured(t, path)
				if s.noHandles && base == "own" {
					if existing.Exists() || existing.Kind != Existing {
						t.Errorf("%+v", existing)
					}
					s.removes(t, existing, ErrUnverified)
					stays(t, path)
					s.removes(t, absent, nil)
				} else {
					s.removes(t, existing, nil)
				}
				isGone(t, path)
				place(t, sort, path)
				s.removes(t, absent, nil)
				isGone(t, path)
			}
		}
		above := filepath.Join(dir, "a")
		write(t, filepath.Join(above, "b", "c", "file"))
		id := s.captured(t, filepath.Join(above, "b", "c", NewName("")))
		must(t, os.RemoveAll(above))
		s.removes(t, id, nil)
		if s.noHandles {
			return // the next folder may have the same inode, and the same birth time: that is why handles are asked for
		}
		write(t, id.Path())
		s.removes(t, id, ErrReplaced)
		stays(t, id.Path())
	})
}

// TestHandlesRefusedLater captures with handles and settles without: what can't be compared stays.
func TestHandlesRefusedLater(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "file")
	write(t, path)
	id := captured(t, path)
	system{noHandles: true}.removes(t, id, ErrUnverified)
	id.Dirs = system{noHandles: true}.captured(t, path).Dirs // the folder can be told, the leaf can't
	system{noHandles: true}.removes(t, id, ErrUnverified)
	stays(t, path)
	removes(t, id, nil)
}

// TestHandlesLater captures without handles and settles with them.
func TestHandlesLater(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), NewName(""))
	id := system{noHandles: true}.captured(t, path)
	write(t, path)
	removes(t, id, nil)
	isGone(t, path)

	path = filepath.Join(filepath.Dir(path), "own")
	write(t, path)
	id = system{noHandles: true}.captured(t, path)
	removes(t, id, ErrUnverified)
	stays(t, path)
}

// TestSameInode recreates a path until it has the inode that it had, and wants it left. With the birth times of ext4 that
// is a file which stat can't tell from the one before.
func TestSameInode(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, sort := range []string{"file", "folder"} {
		same := 0
		for i := 0; i < 2000 && same < 20; i++ {
			path := filepath.Join(dir, "own")
			place(t, sort, path)
			id := captured(t, path)
			before := inode(t, path)
			must(t, os.RemoveAll(path))
			place(t, sort, path)
			if inode(t, path) == before {
				same++
				removes(t, id, ErrReplaced)
				stays(t, path)
			}
			must(t, os.RemoveAll(path))
		}
		t.Logf("%s: %d with the inode of the one before", sort, same)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	must(t, syscall.Lstat(path, &st))
	return st.Ino
}

// TestSpecial unlinks what blocks or does worse when it is opened.
func TestSpecial(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	for _, path := range []string{filepath.Join(dir, "fifo"), filepath.Join(tree, "fifo")} {
		must(t, syscall.Mkfifo(path, 0o600))
		socket(t, path+".sock")
		if err := syscall.Mknod(path+".dev", syscall.S_IFCHR|0o600, 1<<8|3); err != nil {
			write(t, path+".dev") // not for this user
		}
	}
	for _, base := range []string{"fifo", "fifo.sock", "fifo.dev", "tree"} {
		removes(t, captured(t, filepath.Join(dir, base)), nil)
		isGone(t, filepath.Join(dir, base))
	}
}

// socket leaves the file of a socket.
func socket(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	defer closeFD(fd)
	dir, err := os.Open(filepath.Dir(path)) // the address has 108 bytes
	must(t, err)
	defer func() { _ = dir.Close() }()
	must(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))}))
}

// TestCrashedAside continues where a killed removal stopped: after the rename.
func TestCrashedAside(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "own")
	crash := func() (ID, string) {
		write(t, path)
		id := captured(t, path)
		target, err := id.decode()
		must(t, err)
		aside := filepath.Join(dir, target.aside())
		must(t, os.Rename(path, aside))
		return id, aside
	}
	id, aside := crash()
	removes(t, id, nil)
	isGone(t, path, aside)

	id, aside = crash()
	write(t, path) // a new one has come meanwhile
	removes(t, id, ErrReplaced)
	stays(t, path)
	isGone(t, aside)
	must(t, os.Remove(path))

	id, aside = crash() // what was caught is another one: it goes back
	must(t, os.Remove(aside))
	write(t, aside)
	removes(t, id, ErrReplaced)
	stays(t, path)
	isGone(t, aside)
	must(t, os.Remove(path))

	id, aside = crash() // another one was caught, and a third has come: nothing is lost
	must(t, os.Remove(aside))
	write(t, aside)
	write(t, path)
	removes(t, id, ErrReplaced)
	stays(t, path, aside)
	must(t, os.Remove(aside))
	must(t, os.Remove(path))

	for _, sort := range []string{"file", "folder"} { // something lies where ours would go
		id, aside = crash()
		must(t, os.Rename(aside, path))
		place(t, sort, aside)
		removes(t, id, ErrReplaced)
		stays(t, path, aside)
		must(t, os.RemoveAll(aside))
		removes(t, id, nil)
		isGone(t, path)
	}
}

// TestNamedMeanwhile has a new instance record a path of the user's own, and make it, at the moment in which the old one's is
// removed: after Remove has asked whether somebody living names it.
func TestNamedMeanwhile(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s system) {
		for _, c := range []struct {
			before, after string
			want          error
		}{{"file", "file", ErrInUse}, {"file", "folder", ErrReplaced}, {"folder", "folder", ErrInUse}} {
			if s.noRename2 && c.before == "file" {
				continue // here the gap is open
			}
			dir := folder(t)
			path := filepath.Join(dir, "own")
			id := s.captured(t, path)
			place(t, c.before, path)
			asked := 0
			err := s.tryWith(id, Options{NamedByLiving: func(string) bool {
				if asked++; asked == 1 {
					must(t, os.RemoveAll(path))
					place(t, c.after, path)
					return false
				}
				return true
			}})
			wants(t, err, c.want, path)
			stays(t, path)
			if c.after == "folder" {
				stays(t, filepath.Join(path, "in it"))
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("left: %v, %v", entries, err)
			}
		}
	})
}

// TestNamedCrashedAside is TestCrashedAside for what has no identity.
func TestNamedCrashedAside(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "own")
	id := captured(t, path)
	target, err := id.decode()
	must(t, err)
	aside := filepath.Join(dir, target.aside())
	living := Options{NamedByLiving: always}

	write(t, aside)
	removes(t, id, nil)
	isGone(t, path, aside)

	write(t, aside) // it was the next instance's
	wants(t, Remove(context.Background(), id, living), ErrInUse, path)
	stays(t, path)
	isGone(t, aside)
	removes(t, id, nil)

	write(t, aside) // and that one has made another
	write(t, path)
	wants(t, Remove(context.Background(), id, living), ErrInUse, path)
	stays(t, path, aside)
	removes(t, id, nil)
	isGone(t, path, aside)
}
