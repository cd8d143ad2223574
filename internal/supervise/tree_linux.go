package supervise

import (
	"syscall"

	"github.com/lastly-go/lastly/internal/early"
)

// A tree looks at the descendants of this process. It never needs to know all at once: to end them, only the children count.
type tree struct {
	self   int
	looked bool
	scan   bool // the kernel does not list children (CONFIG_PROC_CHILDREN): look at every process
}

func newTree() tree { return tree{self: syscall.Getpid()} }

// scans is what scan is, found out when somebody asks for the first time: most commands leave nothing to look for.
func (t *tree) scans() bool {
	if !t.looked {
		path := "/proc/" + digits(t.self) + "/task/" + digits(t.self) + "/children"
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err == nil {
			_ = syscall.Close(fd)
		}
		t.looked, t.scan = true, err != nil
	}
	return t.scan
}

// children are the children of a process, zombies among them.
func (t *tree) children(pid int) (found []int) {
	if t.scans() {
		return byParent()[pid]
	}
	folder := "/proc/" + digits(pid) + "/task"
	for _, thread := range readNames(folder) { // a child is listed with the thread that forked it
		text := string(early.ReadFile(folder + "/" + digits(thread) + "/children"))
		for text != "" {
			child, rest := leading(text)
			if child > 0 {
				found = append(found, child)
			}
			if rest == "" {
				break
			}
			text = rest[1:]
		}
	}
	return found
}

// byParent lists all processes by their parent.
func byParent() map[int][]int {
	all := make(map[int][]int)
	for _, pid := range readNames("/proc") {
		parent := parentOf(pid)
		all[parent] = append(all[parent], pid)
	}
	return all
}

// descendants calls each with every descendant but those below one for which each returns false, and that one's parent.
func (t *tree) descendants(each func(pid, parent int) bool) {
	children := t.children
	if t.scans() {
		all := byParent()
		children = func(pid int) []int { return all[pid] }
	}
	level := []int{t.self}
	seen := map[int]bool{t.self: true} // walked while it changes, the tree could be a ring
	for len(level) > 0 {
		var next []int
		for _, parent := range level {
			for _, pid := range children(parent) {
				if !seen[pid] && each(pid, parent) {
					next = append(next, pid)
				}
				seen[pid] = true
			}
		}
		level = next
	}
}

// Descendants are the numbers of what descends from a process now, for its owner when there is no supervisor any more. What is held
// by others' supervisors is theirs.
func Descendants(pid int) (found []int) {
	if isHolder(pid) {
		return nil
	}
	t := tree{self: pid}
	t.descendants(func(pid, _ int) bool {
		found = append(found, pid)
		return !isHolder(pid)
	})
	return found
}

// terminate sends SIGTERM to a process, and wakes it up should it be stopped. It sends nothing if the process has got another
// parent than this process or the one given: its number may be a stranger's by now.
func (t *tree) terminate(pid, parent int) {
	fd := early.PidfdOpen(pid)
	if fd >= 0 {
		defer func() { _ = syscall.Close(fd) }()
	}
	if now := parentOf(pid); now != parent && now != t.self {
		return
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGCONT} {
		if fd < 0 { // no pidfds here
			_ = syscall.Kill(pid, sig)
			continue
		}
		_ = early.PidfdSignal(fd, int(sig))
	}
}

// parentOf is 0 when there is no such process.
func parentOf(pid int) int {
	stat := early.ReadFile("/proc/" + digits(pid) + "/stat")
	from := 0 // behind the program's name, which may contain anything: field 2, in parentheses
	for i, c := range stat {
		if c == ')' {
			from = i
		}
	}
	if len(stat) < from+5 {
		return 0
	}
	parent, _ := leading(string(stat[from+4:])) // ") S 123"
	return parent
}

func nameOf(pid int) string {
	name := early.ReadFile("/proc/" + digits(pid) + "/comm")
	return string(name[:max(len(name)-1, 0)])
}
