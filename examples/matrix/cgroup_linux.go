package matrix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryLimit is how much a row that is to run out of memory may have, in bytes: enough for all of its processes, also
// under the race detector.
const memoryLimit = 256 << 20

// A cgroup is one with a limit of memory.
type cgroup struct {
	path string
	v2   bool
}

// newCgroup makes one. The error says why there is none to be had here.
func newCgroup(name string, together bool) (*cgroup, error) {
	var why []error
	for _, parent := range memoryCgroups() {
		c := &cgroup{path: filepath.Join(parent.path, "lastly-matrix-"+name), v2: parent.v2}
		if err := os.Mkdir(c.path, 0o755); err != nil {
			why = append(why, err)
			continue
		}
		err := c.limit(together)
		if err == nil {
			return c, nil
		}
		why = append(why, err, os.Remove(c.path))
	}
	if len(why) == 0 {
		return nil, errors.New("no memory cgroup")
	}
	reason := why[0]
	if p, ok := errors.AsType[*fs.PathError](reason); ok { // which file it was helps nobody
		reason = p.Err
	}
	return nil, fmt.Errorf("no memory cgroup that this user may make: %w", reason)
}

// limit sets the limit. With together, all of its processes die when one has to.
func (c *cgroup) limit(together bool) error {
	limit := strconv.Itoa(memoryLimit)
	if !c.v2 {
		err := c.write("memory.limit_in_bytes", limit)
		_ = c.write("memory.memsw.limit_in_bytes", limit) // not everywhere; without it, and with swap, it takes longer
		return err
	}
	err := c.write("memory.max", limit)
	_ = c.write("memory.swap.max", "0")
	if together {
		err = errors.Join(err, c.write("memory.oom.group", "1"))
	}
	return err
}

func (c *cgroup) write(file, text string) error {
	path := filepath.Join(c.path, file)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // never make a file: what is no cgroup has none of these
		return fmt.Errorf("new ones have no %s: the memory controller is not enabled for them", file)
	}
	return os.WriteFile(path, []byte(text), 0)
}

// kills is how many processes the kernel has killed in it for want of memory.
func (c *cgroup) kills() int {
	file := "memory.oom_control"
	if c.v2 {
		file = "memory.events"
	}
	text, err := os.ReadFile(filepath.Join(c.path, file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kills, _ := strconv.Atoi(strings.TrimSpace(n))
			return kills
		}
	}
	return 0
}

func (c *cgroup) remove() error { return os.Remove(c.path) }

// memoryCgroups are where one might be made, the likeliest first: in this process's own, beside it, at the top.
func memoryCgroups() []cgroup {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var found []cgroup
	for line := range strings.Lines(string(mounts)) {
		left, right, _ := strings.Cut(line, " - ")
		fields, fs := strings.Fields(left), strings.Fields(right)
		if len(fields) < 5 || len(fs) < 3 {
			continue
		}
		root, at := fields[3], fields[4]
		v2 := fs[0] == "cgroup2"
		if !v2 && (fs[0] != "cgroup" || !hasMemory(fs[2])) {
			continue
		}
		mine := ownCgroup(string(own), v2)
		if rel, err := filepath.Rel(root, mine); err == nil && filepath.IsLocal(rel) {
			path := filepath.Join(at, rel)
			found = append(found, cgroup{path, v2}, cgroup{filepath.Dir(path), v2})
			if path == at {
				found = found[:len(found)-1]
			}
		}
		found = append(found, cgroup{at, v2})
	}
	return found
}

func hasMemory(options string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == "memory" {
			return true
		}
	}
	return false
}

// ownCgroup is this process's in /proc/self/cgroup.
func ownCgroup(text string, v2 bool) string {
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && (v2 && fields[0] == "0" || !v2 && hasMemory(fields[1])) {
			return fields[2]
		}
	}
	return "/"
}
