package pathid

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/lastly-go/lastly/internal/testproc"
)

// victims are run with the path of a folder that is theirs. They say what is wrong, and "done" at the end.
var victims = testproc.Victims{
	"shut":      func(args []string) { asUser(args[0], shutFolders) },
	"forbidden": func(args []string) { asUser(args[0], forbidden) },
	"mounts":    func(args []string) { inMounts(args[0], mountInTree) },
	"elsewhere": func(args []string) { inMounts(args[0], otherMounts) },
	"overlay":   func(args []string) { inMounts(args[0], overlay) },
	"tmpfs":     func(args []string) { inMounts(args[0], onTmpfs) },
	"bind-home": func(args []string) { inMounts(args[0], bindHome) },
}

// nobody is an ordinary user.
const nobody = 65534

// asUser becomes an ordinary user, unless the tests are run by one, to whom the folder belongs.
func asUser(dir string, f func(v *verdict, dir string)) {
	v := new(verdict)
	if os.Geteuid() == 0 {
		v.must(os.Chmod(filepath.Dir(dir), 0o755))
		v.must(os.Chown(dir, nobody, nobody))
		v.must(os.Chdir(dir))
		v.must(syscall.Setgroups(nil))
		v.must(syscall.Setresgid(nobody, nobody, nobody))
		v.must(syscall.Setresuid(nobody, nobody, nobody))
		const setDumpable = 4 // prctl(2): proc(5) is closed to a process that changed its user
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setDumpable, 1, 0)
	}
	v.run(dir, f)
}

// inMounts has its own mounts, which nobody else sees.
func inMounts(dir string, f func(v *verdict, dir string)) {
	v := new(verdict)
	v.must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	v.run(dir, f)
}

// A verdict is what testing.TB is to a test. Only what the victims need is there.
type verdict struct {
	testing.TB
	dir string
}

func (v *verdict) run(dir string, f func(v *verdict, dir string)) {
	v.dir = dir
	v.must(os.Chdir("/"))
	f(v, dir)
	testproc.Say("done")
}

func (v *verdict) must(err error) {
	if err != nil {
		_, file, line, _ := runtime.Caller(1)
		v.Fatalf("%s:%d: %v", filepath.Base(file), line, err)
	}
}

func (v *verdict) Helper() {}

func (v *verdict) Errorf(format string, args ...any) { testproc.Say("wrong: "+format, args...) }

func (v *verdict) Fatal(args ...any) { v.Fatalf("%v", args) }

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	os.Exit(1)
}

func (v *verdict) Log(args ...any) { testproc.Say("note: %v", args) }

// check starts the victim in a folder and wants it to find nothing wrong. It returns what the victim wrote.
func check(t *testing.T, victim string, attr *syscall.SysProcAttr) {
	t.Helper()
	dir := folder(t)
	p, err := testproc.Spec{Victim: victim, Args: []string{dir}, Attr: attr}.TryStart(t)
	if err != nil {
		if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EINVAL) {
			testproc.Skip(t, "a mount namespace is not permitted here", victim)
		}
		t.Fatal(err)
	}
	r := p.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "done")
	if len(r.Out) > len("done\n") {
		t.Log(r.Out)
	}
	for _, line := range wrongs(r.Out) {
		t.Error(line)
	}
}

// shutFolders removes trees that their owner has shut: nothing in them may be read, or nothing changed.
func shutFolders(v *verdict, dir string) {
	homes()                // reads a file: the runtime opens some descriptors of its own with the first
	r, w, err := os.Pipe() // and others with the first that can be polled, or the first timer
	v.must(err)
	v.must(r.Close())
	v.must(w.Close())
	before := descriptors(v)
	for name, s := range systems {
		for _, mode := range []os.FileMode{0, 0o100, 0o200, 0o300, 0o400, 0o500, 0o600} {
			tree := filepath.Join(dir, NewName(""))
			write(v, filepath.Join(tree, "a", "b", "file"))
			v.must(os.MkdirAll(filepath.Join(tree, "a", "empty", "empty"), 0o755))
			for _, sub := range []string{"a/empty/empty", "a/empty", "a/b", "a", ""} {
				v.must(os.Chmod(filepath.Join(tree, sub), mode))
			}
			id, err := s.capture(tree)
			v.must(err)
			if err := s.try(id); err != nil {
				v.Errorf("%s, mode %o: %v", name, mode, err)
			}
			isGone(v, tree)
		}
	}
	if now := descriptors(v); len(now) != len(before) {
		v.Errorf("these descriptors are open: %q; before there were %q", now, before)
	}
}

// forbidden is what an ordinary user may not remove: it is told, with its path, and the rest goes.
func forbidden(v *verdict, dir string) {
	tree := filepath.Join(dir, "tree")
	write(v, filepath.Join(tree, "a"))
	id, err := Capture(tree)
	v.must(err)
	v.must(os.Chmod(dir, 0o500))
	err = Remove(context.Background(), id, Options{})
	wants(v, err, syscall.EACCES, tree)
	stays(v, tree)
	isGone(v, filepath.Join(tree, "a"))
	v.must(os.Chmod(dir, 0))
	wants(v, Remove(context.Background(), id, Options{}), syscall.EACCES, tree) // not "it is gone"
	v.must(os.Chmod(dir, 0o700))
	removes(v, id, nil)
}

func TestShutFolders(t *testing.T) {
	t.Parallel()
	check(t, "shut", nil)
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	check(t, "forbidden", nil)
}
