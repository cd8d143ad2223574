package resource_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

// What follows takes limits, mounts, other users or broken descriptors, each in a process of its own.
var _ = addVictims(testproc.Victims{
	"create-limit":    createLimit,
	"create-full":     createFull,
	"create-mount":    createMount,
	"create-stranger": createStranger,
	"create-no-fsync": createNoFsync,
	"open-bad-close":  openBadClose,
})

// createLimit may not write files of more than 100 bytes.
func createLimit(args []string) {
	signal.Ignore(syscall.SIGXFSZ)
	var s lastly.Scope
	f, err := resource.Create(&s, args[0])
	exitOn(err)
	var limit syscall.Rlimit
	exitOn(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	exitOn(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: limit.Max}))
	fillAndCommit(f, syscall.EFBIG)
	exitOn(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)) // the journal needs room, too
	exitOn(f.Close())
	exitOn(s.Close())
}

// fillAndCommit writes too much without looking at the errors, as fmt.Fprintf tempts to.
func fillAndCommit(f *resource.AtomicFile, want error) {
	for range 4000 {
		_, _ = f.WriteString(newContent)
	}
	err := f.Commit()
	if !errors.Is(err, want) {
		exitOn(errors.Join(errors.New("committed half a file, or failed otherwise"), err))
	}
	testproc.Say("%v", err)
}

// createFull has a filesystem of 64 kB for itself.
func createFull([]string) {
	exitOn(os.Mkdir("full", 0o700))
	mount("tmpfs", "full", "tmpfs", 0, "size=64k")
	exitOn(os.WriteFile("full/target", []byte(oldContent), 0o600))
	var s lastly.Scope
	f, err := resource.Create(&s, "full/target")
	exitOn(err)
	fillAndCommit(f, syscall.ENOSPC)
	exitOn(f.Close())
	exitOn(s.Close())
	content, err := os.ReadFile("full/target")
	exitOn(err)
	testproc.Say("%d file with %s", len(namesIn("full")), strings.TrimSpace(string(content)))
}

// createMount has a target that is a mount point, and folders for files that are read-only.
func createMount([]string) {
	exitOn(os.Mkdir("folder", 0o700))
	for _, name := range []string{"folder/target", "other"} {
		exitOn(os.WriteFile(name, []byte(oldContent), 0o600))
	}
	mount("other", "folder/target", "", syscall.MS_BIND, "")
	var s lastly.Scope
	f, err := resource.Create(&s, "folder/target")
	exitOn(err)
	_, err = f.WriteString(newContent)
	exitOn(err)
	testproc.Say("commit: %v", f.Commit())
	exitOn(f.Close())
	exitOn(syscall.Unmount("folder/target", 0))

	mount("folder", "folder", "", syscall.MS_BIND, "")
	mount("", "folder", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	_, err = resource.Create(&s, "folder/target")
	testproc.Say("create: %v", err)
	wd, err := os.Getwd()
	exitOn(err)
	exitOn(os.Setenv("TMPDIR", filepath.Join(wd, "folder")))
	_, err = resource.TempDir(&s, "x-*")
	testproc.Say("folder: %v", err)
	_, err = resource.TempFile(&s, "x-*")
	testproc.Say("file: %v", err)
	testproc.Say("%d hooks, %d file", len(s.Report().Hooks), len(namesIn("folder")))
	exitOn(s.Close())
}

// mount mounts in a mount namespace of this process.
func mount(source, target, kind string, flags uintptr, data string) {
	err := syscall.Mount(source, target, kind, flags, data)
	if errors.Is(err, syscall.EPERM) {
		testproc.Say("no mounts here")
		os.Exit(0)
	}
	exitOn(err)
}

// alone runs a victim with mounts of its own.
func alone(t *testing.T, victim string) testproc.Result {
	t.Helper()
	l := newFilesLab(t)
	p, err := testproc.Spec{
		Victim: victim, Env: []string{"LASTLY_DIR=" + l.journal, "LASTLY_GUARD=off"},
		Attr: &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS},
	}.TryStart(t)
	if err != nil {
		testproc.Skip(t, "no mount namespace of its own: "+err.Error(), victim)
	}
	r := p.Wait()
	if r.Ended == "exit 0" && r.Count("no mounts here") == 1 {
		t.Skip("no mounts in a mount namespace of its own")
	}
	r.Check(t, "exit 0")
	return r
}

// wantOut checks what a victim has said.
func wantOut(t *testing.T, r testproc.Result, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.Out, text) {
			t.Errorf("it did not say %q\n%v", text, r)
		}
	}
}

// TestCreateNoRoom: a write that failed and that nobody looked at does not commit half a file.
func TestCreateNoRoom(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	target := put(t, filepath.Join(l.files, "target"), oldContent)
	r := l.start(false, "create-limit", target).Wait()
	r.Check(t, "exit 0")
	wantOut(t, r, target, "file too large", "it is not complete", "its old content is untouched")
	l.wantNames("target")
	wantContent(t, target, oldContent)
}

func TestCreateFullDisk(t *testing.T) {
	t.Parallel()
	wantOut(t, alone(t, "create-full"), "/full/target", "no space left", "its old content is untouched", "1 file with the old content")
}

// TestFilesReadOnly: the error names the folder and says what to do.
func TestFilesReadOnly(t *testing.T) {
	t.Parallel()
	r := alone(t, "create-mount")
	wantOut(t, r, "commit: lastly: commit ", "/folder/target", "device or resource busy", "its old content is untouched",
		"create: lastly: create \"folder/target\"", "read-only file system; it is written beside its target first",
		"folder: lastly: temp folder from the pattern \"x-*\"", "/folder/x-lastly-", "which TMPDIR names",
		"file: lastly: temp file from the pattern \"x-*\"", "0 hooks, 1 file")
}

// createStranger replaces a file as a user whom it does not belong to.
func createStranger(args []string) {
	if uid, err := strconv.Atoi(args[1]); err == nil {
		group, err := strconv.Atoi(args[2])
		exitOn(err)
		exitOn(errors.Join(syscall.Setgroups([]int{group}), syscall.Setgid(uid), syscall.Setuid(uid)))
	}
	var s lastly.Scope
	f, err := resource.Create(&s, args[0])
	exitOn(err)
	_, err = f.WriteString(newContent)
	exitOn(err)
	exitOn(f.Commit())
	exitOn(s.Close())
}

// TestCreateKeepsOwner: the owner and the group stay as far as the process may give files away; a group that can't be kept
// takes its permissions along.
func TestCreateKeepsOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		testproc.Skip(t, "only root may give files away", "create-stranger")
	}
	for _, c := range []struct {
		name       string
		uid, group string // of who replaces it: "" is root
		mode       fs.FileMode
		want       string
	}{
		{"root", "", "", 0o640, "4003:4002 -rw-r-----"},
		{"member of the group", "4001", "4002", 0o660, "4001:4002 -rw-rw----"},
		{"stranger", "4001", "4001", 0o664, "4001:4001 -rw-r--r--"},
		{"stranger, private", "4001", "4001", 0o670, "4001:4001 -rw-------"},
		{"stranger, public", "4001", "4001", 0o777, "4001:4001 -rwxrwxrwx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// An ordinary user can't get into the folders of the tests.
			dir, err := os.MkdirTemp("", "lastly-owner-test-")
			noError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			noError(t, os.Chmod(dir, 0o711))
			files, journal := filepath.Join(dir, "files"), filepath.Join(dir, "journal")
			uid, _ := strconv.Atoi(c.uid)
			for _, d := range []string{files, journal} {
				noError(t, os.Mkdir(d, 0o700))
				noError(t, os.Chown(d, uid, uid))
			}
			target := put(t, filepath.Join(files, "target"), oldContent)
			noError(t, os.Chown(target, 4003, 4002))
			noError(t, os.Chmod(target, c.mode))
			r := testproc.Spec{
				Victim: "create-stranger", Args: []string{target, c.uid, c.group},
				Env: []string{"LASTLY_DIR=" + journal, "LASTLY_GUARD=off", "HOME=" + dir},
			}.Start(t).Wait()
			r.Check(t, "exit 0")
			wantContent(t, target, newContent)
			info, err := os.Stat(target)
			noError(t, err)
			owner := info.Sys().(*syscall.Stat_t)
			if got := fmt.Sprintf("%d:%d %v", owner.Uid, owner.Gid, info.Mode()); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
		})
	}
}

// openBadClose has files whose close fails.
func openBadClose(args []string) {
	var s lastly.Scope
	f, err := resource.Open(&s, args[0], os.O_RDWR, 0)
	exitOn(err)
	g, err := resource.TempFile(&s, "bad-*")
	exitOn(err)
	for _, f := range []*os.File{f, g} { // behind their backs: nothing else runs here
		exitOn(syscall.Close(int(f.Fd())))
	}
	err = s.Shutdown(context.Background())
	testproc.Say("%v", err)
}

// TestOpenReportsClose: what the close of a file says is not lost.
func TestOpenReportsClose(t *testing.T) {
	t.Parallel()
	l := newFilesLab(t)
	file := put(t, filepath.Join(l.files, "file"), oldContent)
	r := l.start(false, "open-bad-close", file).Wait()
	r.Check(t, "exit 0")
	wantOut(t, r, "close "+file+": bad file descriptor", "/bad-lastly-", "files_linux_test.go:")
	l.wantNames("file") // the temporary one is removed all the same
}

// createNoFsync has a disk that fails when it is asked to keep something: fsync(2) is EIO from a point on.
func createNoFsync(args []string) {
	runtime.LockOSThread() // a filter is a thread's
	edge.Set(func(at string) error {
		if at == args[1] {
			refuseFsync()
		}
		return nil
	})
	var s lastly.Scope
	f, err := resource.Create(&s, args[0])
	exitOn(err)
	_, err = f.WriteString(newContent)
	exitOn(err)
	testproc.Say("commit: %v", f.Commit())
	exitOn(f.Close())
	exitOn(s.Close())
}

func refuseFsync() {
	const (
		load, jumpIf, end = 0x20, 0x15, 0x06
		fail, allow       = 0x00050000, 0x7fff0000
		filter            = 2
	)
	program := []syscall.SockFilter{
		{Code: load}, // the number of the call
		{Code: jumpIf, K: syscall.SYS_FSYNC, Jf: 1},
		{Code: end, K: fail | uint32(syscall.EIO)},
		{Code: end, K: allow},
	}
	set := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const noNewPrivileges = 38
	_, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, noNewPrivileges, 1, 0, 0, 0, 0)
	if errno == 0 {
		_, _, errno = syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_SECCOMP, filter, uintptr(unsafe.Pointer(&set)))
	}
	if errno != 0 {
		testproc.Say("no filters here: %v", errno)
		os.Exit(0)
	}
}

// TestCommitFlushes: nothing is renamed that is not on disk, and it is told when the folder may not be.
func TestCommitFlushes(t *testing.T) {
	t.Parallel()
	for point, want := range map[string]struct{ says, content string }{
		"resource.create: written": {"its old content is untouched", oldContent},
		"resource.create: renamed": {"the new content is in place, but it might be lost with the machine", newContent},
	} {
		l := newFilesLab(t)
		target := put(t, filepath.Join(l.files, "target"), oldContent)
		r := l.start(false, "create-no-fsync", target, point).Wait()
		r.Check(t, "exit 0")
		if strings.Contains(r.Out, "no filters here") {
			t.Skip(r.Out)
		}
		wantOut(t, r, "commit: lastly: commit "+strconv.Quote(target), "input/output error", want.says)
		l.wantNames("target")
		wantContent(t, target, want.content)
	}
}

// TestInPlainTest: everything works in a test of somebody who knows nothing of Main or Init, and a guard cleans up
// should that die. The guard is the test binary again, and does not run the tests again.
func TestInPlainTest(t *testing.T) {
	t.Parallel()
	l, f, place := newFilesLab(t), newForest(t), filepath.Dir(socketPath(t))
	binary, log := filepath.Join(t.TempDir(), "plain.test"), filepath.Join(t.TempDir(), "log")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, "./testdata/plain").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, dies := range []string{"", "1"} {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), "LASTLY_DIR="+l.journal, "TMPDIR="+l.files, "PLAIN_LOG="+log, "PLAIN_DIES="+dies,
			"PLAIN_PLACE="+place, "PLAIN_TOKEN="+f.token)
		out, err := cmd.CombinedOutput()
		if killed := strings.Contains(fmt.Sprint(err), "killed"); killed != (dies != "") {
			t.Errorf("it ended with %v\n%s", err, out)
		}
		testproc.Poll(t, "the end of the guard", func() bool { return len(l.journals()) == 0 })
		l.wantNames()
		wantContent(t, log, strings.Repeat("ran\n", i+1))
		wantNames(t, place, "lock") // which the guard gives back a moment later
		var s lastly.Scope
		noError(t, resource.Lock(t.Context(), &s, filepath.Join(place, "lock")))
		noError(t, s.Close())
		f.checkGone()
	}
}
