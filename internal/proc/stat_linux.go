package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// folder is where /proc shows the process. A /proc that was mounted in another PID namespace numbers processes differently;
// there only a pidfd leads to the right one.
func folder(pid int, held *pidfd) (string, error) {
	ours, err := procIsOurs()
	if err != nil {
		return "", err
	}
	if ours {
		return "/proc/" + strconv.Itoa(pid), nil
	}
	if held == nil {
		return "", errOtherProc
	}
	var there string
	err = held.use(func(fd uintptr) error {
		info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(fd)))
		for line := range strings.Lines(string(info)) {
			if number, ok := strings.CutPrefix(line, "Pid:"); ok {
				there = strings.TrimSpace(number)
			}
		}
		return err
	})
	switch {
	case err != nil:
		return "", err
	case there == "-1":
		return "", ErrGone
	case there == "" || there == "0":
		return "", errOtherProc
	}
	return "/proc/" + there, nil
}

var errOtherProc = errors.New("the /proc here was mounted in another PID namespace: mount one of this namespace (mount -t proc)")

func procIsOurs() (bool, error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return false, fmt.Errorf("no /proc is mounted: %w", err)
	}
	return self == strconv.Itoa(os.Getpid()), nil
}

// startOf returns the start time of the process, and ErrGone for a zombie.
func startOf(pid int, held *pidfd) (uint64, error) {
	dir, err := folder(pid, held)
	if err != nil {
		return 0, err
	}
	fields, err := readStat(dir)
	if errors.Is(err, ErrGone) && held == nil && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return 0, errBlurred // /proc hides it
	}
	if err != nil {
		return 0, err
	}
	if ended(fields) {
		return 0, ErrGone
	}
	return strconv.ParseUint(fields[statStart], 10, 64)
}

// ended reports whether nothing of the process runs any more. A leader that ended before its other threads is shown as a
// zombie, too.
func ended(fields []string) bool {
	state, threads := fields[statState], fields[statThreads]
	return (state == "Z" || state == "X") && (threads == "0" || threads == "1")
}

// The fields of proc_pid_stat(5), by their number there.
const (
	statState      = 3
	statParent     = 4
	statGroup      = 5
	statFlags      = 9
	statThreads    = 20
	statStart      = 22
	statStartCode  = 26
	statStartStack = 28
	statEnvStart   = 50
	statEnvEnd     = 51
	statExitCode   = 52
	statFields     = 53 // what Linux 3.5 and newer have at least, and one for the numbers to begin with 1
)

// Some flags of a process, of the kernel's include/linux/sched.h.
const (
	exiting      = 0x00000004 // PF_EXITING
	kernelThread = 0x00200000 // PF_KTHREAD
)

func hasFlag(fields []string, flag uint64) bool {
	flags, err := strconv.ParseUint(fields[statFlags], 10, 64)
	return err == nil && flags&flag != 0
}

// readStat returns the fields from number 3 on, at their number. ErrGone if there is no such process.
func readStat(dir string) ([]string, error) {
	text, err := os.ReadFile(dir + "/stat")
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH):
		return nil, ErrGone
	case err != nil:
		return nil, err
	}
	// Field 2 is the program's name in parentheses; it may contain blanks and parentheses itself.
	end := bytes.LastIndexByte(text, ')')
	fields := append([]string{"", "", ""}, strings.Fields(string(text[end+1:]))...)
	if end < 0 || len(fields) < statFields {
		return nil, fmt.Errorf("%s/stat is not as proc_pid_stat(5) says", dir)
	}
	return fields, nil
}

// zombieStatus is the exit status of a process that was not waited for. 0 is not believed: it is also what those see who may
// not know.
func zombieStatus(pid int, held *pidfd) (status int, ok bool) {
	dir, err := folder(pid, held)
	if err != nil {
		return 0, false
	}
	fields, err := readStat(dir)
	if err != nil || !ended(fields) || held.waitedFor() {
		return 0, false
	}
	status, err = strconv.Atoi(fields[statExitCode])
	return status, err == nil && status != 0
}

// Ancestors are the numbers of this process's parent, its parent, and so on, as far as they are in this PID namespace.
func Ancestors() []int {
	var found []int
	for pid := os.Getppid(); pid > 0 && !slices.Contains(found, pid); { // walked while the tree changes, it could be a ring
		found = append(found, pid)
		dir, err := folder(pid, nil)
		if err != nil {
			break
		}
		fields, err := readStat(dir)
		if err != nil {
			break
		}
		pid, _ = strconv.Atoi(fields[statParent])
	}
	return found
}

// Members are the running processes of a process group. Zombies are none.
func Members(group int) ([]int, error) {
	var found []int
	err := everybody(func(pid int) error {
		fields, err := readStat("/proc/" + strconv.Itoa(pid))
		if err == nil && fields[statGroup] == strconv.Itoa(group) && !ended(fields) && isProcess(pid) {
			found = append(found, pid)
		}
		return nil
	})
	slices.Sort(found)
	return slices.Compact(found), err
}

// isProcess tells the number of a process from that of another thread of it, which /proc knows as well but does not list.
func isProcess(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && strings.Contains(string(text), fmt.Sprintf("\nTgid:\t%d\n", pid))
}

// Image returns a text that changes when the process executes a program, also the same one again, and else never. It is empty
// when that can't be read: the process is gone, or of another user, or the kernel's own, or just about to execute a program.
// Not comparable between processes.
//
// It is made of the file and of where the kernel put code and stack, which is random. Where that is switched off (setarch -R)
// a program that executes itself with equal arguments and environment goes unnoticed.
func Image(pid int) string {
	before := image(pid)
	for range 10 {
		now := image(pid) // the file and the addresses are read one after the other: twice equal is consistent
		if now == before {
			return now
		}
		before = now
	}
	return ""
}

func image(pid int) string {
	dir, err := folder(pid, nil)
	if err != nil {
		return ""
	}
	exe, err := os.Stat(dir + "/exe")
	if err != nil {
		return ""
	}
	fields, err := readStat(dir)
	if err != nil || fields[statStartStack] == "0" {
		return ""
	}
	file := exe.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d:%s:%s", file.Dev, file.Ino, fields[statStartCode], fields[statStartStack])
}
