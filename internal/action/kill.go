package action

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lastly-go/lastly/internal/proc"
)

// Kill ends a process: that one, and never a successor that got its number. With a Mark, also all processes that bear it.
//
// What it does not find: with Pid alone, the process's children; with Group, those that left the group, and all of it once
// its leader was gone before Do; with Mark, those that were started without the environment they would have inherited, or as
// another user (proc.EachMarked has the list). On systems other than Linux marks can't be looked for: with a Pid that is
// left out, without one Do says so.
type Kill struct {
	Pid    int           `json:"pid,omitempty"`      // the process, while it runs; 0: not known yet, then a Mark is needed
	Mark   string        `json:"mark,omitempty"`     // of NewMark, and in the process's environment by WithMark
	Group  bool          `json:"group,omitempty"`    // also the process group that the process leads
	Grace  time.Duration `json:"grace_ns,omitempty"` // SIGTERM first, SIGKILL after so long; 0: SIGKILL at once
	Await  time.Duration `json:"await_ns,omitempty"` // so long Pid may end by itself before anything is sent; 0: no time
	Target *proc.ID      `json:"target,omitempty"`   // what Capture found out; without Pid it says where only
}

// MarkVariable is the environment variable that marks a process and its descendants. It has all marks, separated by colons:
// who starts a marked process may be marked itself.
const MarkVariable = "LASTLY_MARK"

// markBytes is how random a mark is.
const markBytes = 16

// NewMark returns a mark that nobody had before: 128 random bits.
func NewMark() string {
	var mark [markBytes]byte
	_, _ = rand.Read(mark[:]) // never fails
	return hex.EncodeToString(mark[:])
}

// WithMark returns the environment with the mark added, for a process to be started: cmd.Env = WithMark(cmd.Environ(), mark).
func WithMark(env []string, mark string) []string {
	marked := make([]string, 0, len(env)+1)
	marks := mark
	for _, entry := range env {
		if list, ok := strings.CutPrefix(entry, MarkVariable+"="); !ok {
			marked = append(marked, entry)
		} else if list != "" {
			marks = list + ":" + mark // of several entries the last counts
		}
	}
	return append(marked, MarkVariable+"="+marks)
}

// Check says what is wrong with the action.
func (k Kill) Check() error {
	if err := k.check(); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	return nil
}

func (k Kill) check() error {
	switch {
	case k.Pid < 0:
		return fmt.Errorf("%d is no process number; for a process group give its leader, and Group", k.Pid)
	case k.Pid == 1:
		return errors.New("process 1 is never killed: it is the system, or the container itself")
	case k.Pid == 0 && k.Mark == "":
		return errors.New("no process: give its number, or a mark that it will have in its environment")
	case k.Grace < 0:
		return fmt.Errorf("the grace is %v: it can't be negative", k.Grace)
	case k.Await < 0:
		return fmt.Errorf("the time to wait is %v: it can't be negative", k.Await)
	case k.Target != nil && k.Target.Pid != k.Pid:
		return fmt.Errorf("it is for process %d, but process %d was identified: capture it again", k.Pid, k.Target.Pid)
	}
	if mark, err := hex.DecodeString(k.Mark); err != nil || k.Mark != "" && len(mark) < markBytes {
		return fmt.Errorf("a mark is %d or more random bytes in hexadecimal (NewMark makes one): what others could guess or bear by chance would kill bystanders", markBytes)
	}
	return nil
}

// Capture identifies the process that has the number Pid now, which must not be this process or one that it descends from.
// Without Pid it notes where the mark is to be looked for. It may be called again when the number is known.
func (k Kill) Capture() (Kill, error) {
	k.Target = nil
	if err := k.Check(); err != nil {
		return k, err
	}
	if k.Pid == 0 {
		k.Target = &proc.ID{Boot: proc.BootID(), Namespace: proc.Namespace()}
		return k, nil
	}
	if err := spare(k.Pid, k.Group); err != nil {
		return k, fmt.Errorf("kill: %w", err)
	}
	id, err := proc.Of(k.Pid)
	if err != nil {
		return k, fmt.Errorf("kill: %w; register the cleanup while the process runs", err)
	}
	k.Target = &id
	return k, nil
}

// spare refuses what would kill who does the killing.
func spare(pid int, group bool) error {
	mine := append(proc.Ancestors(), os.Getpid())
	switch {
	case pid == os.Getpid():
		return fmt.Errorf("process %d is this process itself", pid)
	case slices.Contains(mine, pid):
		return fmt.Errorf("process %d is an ancestor of this process: killing it could take the program's own parent or session down", pid)
	case group && slices.ContainsFunc(mine, func(one int) bool { return groupOf(one) == pid }):
		return fmt.Errorf("process %d leads the process group of this process or of an ancestor: start it in one of its own (SysProcAttr.Setpgid)", pid)
	}
	return nil
}

// String says what would be done.
func (k Kill) String() string {
	var what []string
	if k.Pid != 0 {
		what = append(what, fmt.Sprintf("process %d", k.Pid))
		if k.Group {
			what = append(what, "its process group")
		}
	}
	if k.Mark != "" {
		what = append(what, fmt.Sprintf("every process marked %.8s...", k.Mark))
	}
	text := "kill " + strings.Join(what, " and ")
	if k.Grace > 0 {
		text += fmt.Sprintf(", after SIGTERM and %v", k.Grace)
	}
	return text
}
