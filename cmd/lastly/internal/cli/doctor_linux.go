package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lastly-go/lastly/internal/filelock"
)

// examine asks the kernel, by trying.
func examine() []Finding {
	dir, folder := examineFolder()
	all := []Finding{folder}
	if dir != "" {
		all = append(all, filesystem(dir), locks(dir), handles(dir))
	}
	return append(all, pidfd(), openat2(), subreaper(), cgroup(), visible(), yama(), seccomp())
}

// examineFolder returns a folder that the rest can be tried in; "" is none.
func examineFolder() (string, Finding) {
	f := Finding{Name: "folder", Level: Good}
	dir, err := folder()
	if err != nil {
		text, advice, _ := strings.Cut(strings.TrimPrefix(err.Error(), "lastly: "), "; ")
		return "", Finding{Name: "folder", Level: Bad, Found: text, Means: "nothing durable can be registered", Advice: advice}
	}
	f.Found, f.Means = dir, "journals are there; nobody else can write to it"
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		f.Found += ", not made yet"
		return existing(dir), f
	}
	if err == nil {
		err = unix.Access(dir, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		f.Level, f.Means = Bad, "nothing durable can be registered: "+err.Error()
		f.Advice = "make it writable for this user, or set LASTLY_DIR to another folder"
		return dir, f
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		f.Level, f.Found = Note, fmt.Sprintf("%s has mode %#o", dir, perm)
		f.Means, f.Advice = "others may see who has registered something; journals themselves have mode 0600", "chmod 700 "+dir
	}
	return dir, f
}

// existing is the folder above one that is not made yet.
func existing(dir string) string {
	for dir != "/" {
		dir = filepath.Dir(dir)
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return dir
}

// filesystem says how long the folder lives.
func filesystem(dir string) Finding {
	f := Finding{Name: "filesystem", Level: Good}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Finding{Name: "filesystem", Level: Note, Found: err.Error(), Means: "it can't be told how long the journals live", Advice: "set LASTLY_DIR to a local disk"}
	}
	switch kind := int64(uint32(st.Type)); kind {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		f.Level, f.Found = Note, "in memory (tmpfs)"
		f.Means, f.Advice = "journals do not outlive a reboot; what is on disk then is not undone", "set LASTLY_DIR to a folder on disk"
	case unix.OVERLAYFS_SUPER_MAGIC:
		f.Level, f.Found = Note, "overlay: a container's own"
		f.Means, f.Advice = "journals do not outlive the container; what is outside of it is not undone when it is killed", "keep the folder on a volume"
	default:
		f.Found, f.Means = fmt.Sprintf("local (type %#x)", kind), "journals outlive this process and a reboot"
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		f.Level, f.Found, f.Means = Bad, f.Found+", read-only", "nothing durable can be registered"
		f.Advice = "set LASTLY_DIR to a folder that can be written"
	} else if free := uint64(st.Bavail) * uint64(st.Bsize); free < 1<<20 {
		f.Level, f.Found, f.Means = Bad, fmt.Sprintf("%s, %d bytes free", f.Found, free), "registering fails when the disk is full"
		f.Advice = "make room, or set LASTLY_DIR to another disk"
	}
	return f
}

// locks tries both kinds of file locks.
func locks(dir string) Finding {
	f := Finding{Name: "flock", Level: Bad, Means: "it can't be told whether an owner lives", Advice: "set LASTLY_DIR to a folder on a local disk"}
	file, err := os.CreateTemp(dir, ".new-doctor-")
	if err != nil {
		f.Found = "not tried: " + err.Error()
		f.Means = "no file can be made there, and so no journal"
		return f
	}
	defer func() {
		_ = os.Remove(file.Name())
		_ = file.Close()
	}()
	for _, take := range []func(*os.File) (bool, error){filelock.TryLock, filelock.TrySettle} {
		if ok, err := take(file); err != nil || !ok {
			f.Found = fmt.Sprintf("refused: %v", err)
			return f
		}
	}
	return Finding{Name: "flock", Level: Good, Found: "flock and OFD locks work", Means: "the kernel says who lives and who settles"}
}

// handles tries name_to_handle_at.
func handles(dir string) Finding {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, dir, 0)
	if err == nil && handle.Size() > 0 {
		return Finding{Name: "file handles", Level: Good, Found: "name_to_handle_at works", Means: "a file is told from a later one that got its inode number"}
	}
	return Finding{
		Name: "file handles", Level: Note, Found: fmt.Sprintf("name_to_handle_at: %v", err), Version: "2.6.39",
		Means:  "an existing file is removed only if its time of birth tells it apart; else it is left alone, and named",
		Advice: "let lastly make names (--temp, durable.NewName), or use a filesystem and a seccomp profile that allow it",
	}
}

func pidfd() Finding {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return Finding{
			Name: "pidfd", Level: Note, Found: fmt.Sprintf("pidfd_open: %v", err), Version: "5.3",
			Means: "there is no guard, and processes are told apart by start time only", Advice: "use Linux 5.3 or later, and a seccomp profile that allows it",
		}
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Statfs_t
	const pidfs = 0x50494446
	if err := unix.Fstatfs(fd, &st); err != nil || int64(st.Type) != pidfs { //nolint:unconvert // of another size on some systems
		return Finding{
			Name: "pidfd", Level: Good, Found: "pidfd_open works, pidfds have no inodes of their own", Version: "6.9 for those",
			Means: "there is a guard; processes are told apart by start time, which is good enough but for clocks of 10 ms",
		}
	}
	return Finding{Name: "pidfd", Level: Good, Found: "pidfd_open works, with inodes", Means: "there is a guard, and no process is taken for another"}
}

func openat2() Finding {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err == nil {
		_ = unix.Close(fd)
		return Finding{Name: "openat2", Level: Good, Found: "works", Means: "no link on the way to a path is followed when it is removed"}
	}
	return Finding{
		Name: "openat2", Level: Good, Found: err.Error(), Version: "5.6",
		Means: "paths are walked folder by folder instead: as safe against links, slower, and mounts on the way are seen less well",
	}
}

func subreaper() Finding {
	var is int32
	if err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptrOf(&is), 0, 0, 0); err == nil {
		return Finding{Name: "subreaper", Level: Good, Found: "works", Means: "what leaves its parent stays under `lastly run`, and ends with it"}
	}
	return Finding{
		Name: "subreaper", Level: Bad, Found: "PR_SET_CHILD_SUBREAPER is refused", Version: "3.4",
		Means: "daemons escape from `lastly run`", Advice: "run it as process 1 of a PID namespace: unshare --pid --fork",
	}
}

// cgroup says whether a whole tree can be killed in one step.
func cgroup() Finding {
	f := Finding{Name: "cgroup.kill", Level: Good, Version: "5.14"}
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		dir := filepath.Join("/sys/fs/cgroup", at)
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err != nil {
			dir = filepath.Join("/sys/fs/cgroup/unified", at)
		}
		_, err := os.Stat(filepath.Join(dir, "cgroup.kill"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.Found = "cgroup v2 at " + dir + ", without cgroup.kill"
		case unix.Access(dir, unix.W_OK) != nil:
			f.Found = "cgroup v2 at " + dir + ", not writable"
		default:
			f.Found, f.Means = "cgroup v2 at "+dir+", writable", "a cgroup of one's own could be killed in one step; lastly does without"
			return f
		}
	}
	if f.Found == "" {
		f.Found = "no cgroup v2"
	}
	f.Means = "trees are ended by walking them, again and again until nothing is left, which needs no rights"
	return f
}

// visible says whether other processes of this user can be looked at.
func visible() Finding {
	if _, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getpid()) + "/environ"); err != nil {
		return Finding{
			Name: "/proc", Level: Bad, Found: err.Error(), Means: "processes can't be told apart, nor marked ones found", Advice: "mount proc at /proc",
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		words := strings.Fields(line)
		if len(words) > 4 && words[4] == "/proc" && strings.Contains(line, "hidepid=") && !strings.Contains(line, "hidepid=0") && !strings.Contains(line, "hidepid=off") {
			return Finding{Name: "/proc", Level: Good, Found: "other users' processes are hidden (hidepid)", Means: "no consequence: this user's own are seen"}
		}
	}
	return Finding{Name: "/proc", Level: Good, Found: "readable", Means: "processes with a mark in their environment are found"}
}

func yama() Finding {
	f := Finding{Name: "yama", Level: Good}
	text, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		f.Found, f.Means = "none", "no consequence"
		return f
	}
	f.Found = "ptrace_scope " + strings.TrimSpace(string(text))
	f.Means = "no consequence: lastly reads environments, which Yama does not restrict, and attaches to nothing"
	return f
}

// seccomp says whether a filter may be behind what failed above.
func seccomp() Finding {
	f := Finding{Name: "seccomp", Level: Good, Found: "no filter", Means: "no system call is refused for that reason"}
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 2 && words[0] == "Seccomp:" && words[1] != "0" {
			f.Found, f.Means = "a filter (mode "+words[1]+")", "what is refused above may be due to it"
		}
	}
	return f
}

func uintptrOf(p *int32) uintptr { return uintptr(unsafe.Pointer(p)) }
