package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// look fills in the row, when everything that will be released has been.
func (t *trial) look(ctx context.Context) {
	t.lookAtVictim()
	guards := t.guardReports()
	for _, r := range t.resources() {
		t.row.Cells = append(t.row.Cells, t.cell(r, guards))
	}
	t.lookAtBystanders()
	t.lookAtLeftovers(ctx)
	if odd := t.server.problem(t.Row); odd != "" {
		t.problem("%s", odd)
	}
}

// skip fills in the row of a death that can't be had here.
func (t *trial) skip() {
	for _, r := range t.resources() {
		t.row.Cells = append(t.row.Cells, Cell{Resource: r.name})
	}
}

// lookAtVictim notes how it ended.
func (t *trial) lookAtVictim() {
	if t.livesOn() {
		t.row.Exit = changed
		if !t.processes[roleVictim].lives() {
			t.row.Exit = "gone"
		}
		_ = t.cmd.Process.Kill()
		<-t.gone
	} else {
		t.row.Exit = ended(t.cmd.ProcessState)
	}
	if !slices.Contains(t.row.WantExit, t.row.Exit) {
		t.problem("the victim ended with %s, not with %s; it said: %s", t.row.Exit, strings.Join(t.row.WantExit, " or "), t.said())
	}
}

// cell judges one resource.
func (t *trial) cell(r resource, guards guardReports) Cell {
	c := Cell{Resource: r.name, By: t.by(r, guards)}
	if r.times != nil {
		c.Times = r.times(t)
	}
	left := r.left(t)
	switch {
	case t.spared(r):
		if c.By = Nobody; left == "" {
			c.Problem = "it is of an earlier boot, and was killed all the same"
		}
	case left != "":
		c.By, c.Problem = "", left+guards.complaint(r.name)
	case c.By == "":
		c.Problem = "it is gone, and nobody can have done it"
	case c.By != ByDeath && !slices.Contains(t.death.by, c.By):
		c.Problem = fmt.Sprintf("by %s, where the docs say: by %s", c.By, strings.Join(t.death.by, " or "))
	case r.times != nil && c.Times > t.most(r):
		c.Problem = fmt.Sprintf("it was done %d times", c.Times)
	}
	c.Clean = c.Problem == ""
	return c
}

// most is how often a resource may be released: once, but for the one that is being settled when its settler dies.
func (t *trial) most(r resource) int {
	if t.death.hold && r.name == seatName {
		return 2
	}
	return 1
}

// by finds out who released a resource. A guard signs what it did; what was there before the next start, and is not any
// more, was that one's work. The process itself leaves no trace of its hooks: it is left over when it is neither.
func (t *trial) by(r resource, guards guardReports) string {
	before, followed := t.before[r.name]
	if r.times != nil && before == r.times(t) {
		followed = false
	}
	switch {
	case followed && t.death.then == roleSweep:
		return BySweep
	case followed:
		return ByNext
	case guards.settled[r.name]:
		return ByGuard
	case slices.Contains(t.death.by, ByHook):
		return ByHook
	case r.process != "" && t.death.takes:
		return ByDeath
	case t.death.hold && t.death.then != "": // a guard that was killed before it could sign
		return ByGuard
	}
	return ""
}

// lookAtBystanders makes sure that nobody was harmed.
func (t *trial) lookAtBystanders() {
	for _, dir := range []string{tempFolder, besideFolder} {
		if text, err := os.ReadFile(t.path(dir, keptFile)); err != nil || string(text) != t.Row {
			t.problem("a file beside was harmed: %q, %v", text, err)
		}
	}
	if start, state := stat(t.bystander.Process.Pid); start == "" || state == "Z" {
		t.problem("a process beside was killed")
	}
}

// lookAtLeftovers makes sure that nothing is left but reports.
func (t *trial) lookAtLeftovers(ctx context.Context) {
	_ = within(ctx, leaveLimit, func() bool { return len(t.leftProcesses()) == 0 })
	for _, p := range t.leftProcesses() {
		t.problem("a process is left: %d, %s", p.pid, p.role)
	}
	for dir, kept := range map[string]string{stateFolder: "reports", tempFolder: keptFile} {
		entries, err := os.ReadDir(t.path(dir))
		if err != nil {
			t.problem("%v", err)
		}
		for _, e := range entries {
			if e.Name() != kept && !hasCell(e.Name()) {
				t.problem("%s is left", filepath.Join(dir, e.Name()))
			}
		}
	}
}

// hasCell: what is called so is a resource, and its cell says that it is left.
func hasCell(name string) bool {
	return slices.ContainsFunc([]string{folderPrefix, halfPrefix, socketName, lockName}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

// leftProcesses are those that should be gone, and have no cell of their own.
func (t *trial) leftProcesses() []process {
	return slices.DeleteFunc(processesOf(t.Row), func(p process) bool {
		return p.role == roleChild || p.role == roleGrandchild
	})
}

// guardReports are what guards have signed.
type guardReports struct {
	settled  map[string]bool   // by name of the record
	failures map[string]string // likewise
}

// complaint is why a guard could not settle a record.
func (g guardReports) complaint(name string) string {
	if why := g.failures[name]; why != "" {
		return "; the guard: " + why
	}
	return ""
}

// guardReports reads them, and compares what they say about the victim's end with what we saw.
func (t *trial) guardReports() guardReports {
	g := guardReports{settled: make(map[string]bool), failures: make(map[string]string)}
	paths, _ := filepath.Glob(t.path(stateFolder, "reports", "*.json"))
	crash := ""
	for _, path := range paths {
		var r report
		text, err := os.ReadFile(path)
		if err = errors.Join(err, json.Unmarshal(text, &r)); err != nil {
			t.problem("read a report: %v", err)
			continue
		}
		for _, j := range r.Journals {
			crash += j.Crash
			t.compareEnd(j.Died)
			for _, rec := range j.Records {
				if rec.Outcome == "settled" {
					g.settled[rec.Name] = true
				} else {
					g.failures[rec.Name] = rec.Outcome + ": " + rec.Error
				}
			}
		}
	}
	if !strings.Contains(crash, t.death.crash) {
		t.problem("the guard kept %d bytes of the crash, and no %q", len(crash), t.death.crash)
	}
	return g
}

// compareEnd compares how the kernel told the guard that its owner ended; it does not tell everywhere.
func (t *trial) compareEnd(died string) {
	if died != "" && died != t.row.Exit && !(t.livesOn() && died == "became another program") {
		t.problem("the guard says that the victim ended with %s, not with %s", died, t.row.Exit)
	}
}

// A report is what we need of a guard's.
type report struct {
	Journals []struct {
		Died    string `json:"died"`
		Crash   string `json:"crash"`
		Records []struct {
			Name    string `json:"name"`
			Outcome string `json:"outcome"`
			Error   string `json:"error"`
		} `json:"records"`
	} `json:"journals"`
}

// said is the end of what the victim and its successor wrote to stderr.
func (t *trial) said() string {
	const most = 1500
	text, _ := os.ReadFile(t.path(errorFile))
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(string(text))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// clear leaves nothing of the row.
func (t *trial) clear() error {
	if t.cmd != nil {
		_ = t.cmd.Process.Kill()
		<-t.gone
	}
	if t.bystander != nil && t.bystander.Process != nil {
		_ = t.bystander.Process.Kill()
		_ = t.bystander.Wait()
	}
	for _, f := range []*os.File{t.stdin, t.stdout} {
		if f != nil {
			_ = f.Close()
		}
	}
	none := func() bool {
		left := processesOf(t.Row)
		for _, p := range left {
			_ = p.kill()
		}
		return len(left) == 0
	}
	ctx := context.Background() // also when the matrix was interrupted
	err := within(ctx, leaveLimit, none)
	if t.cgroup != nil {
		var why error
		if within(ctx, leaveLimit, func() bool { why = t.cgroup.remove(); return why == nil }) != nil {
			err = errors.Join(err, why)
		}
	}
	return errors.Join(err, os.RemoveAll(t.Dir))
}
