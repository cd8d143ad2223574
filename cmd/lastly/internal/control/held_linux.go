package control

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/supervise"
)

// look reports whether there are processes with the mark, and whether a supervisor is above them: of a run of which but the outer
// process was killed, or of one around it. It ends them when it is time, and knows their grace.
func look(mark string) (borne, held bool) {
	err := proc.EachMarked(action.MarkVariable, mark, func(p *proc.Process) (keep bool) {
		borne = true
		for pid := supervise.ParentOf(p.ID().Pid); pid > 1 && !held; pid = supervise.ParentOf(pid) {
			held = supervise.NameOf(pid) == supervise.Supervisor && !killed(pid)
		}
		return false
	})
	return borne || err != nil, held
}

// killed reports whether a process was sent SIGKILL: it may not have died yet, on a busy machine, and does nothing any more.
func killed(pid int) bool {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, set, _ := strings.Cut(string(text), "\nShdPnd:\t")
	set, _, _ = strings.Cut(set, "\n")
	pending, _ := strconv.ParseUint(set, 16, 64)
	return pending&(1<<(syscall.SIGKILL-1)) != 0
}

// isLastly reports whether the process is one of this program: then a socket with its number is its own, or will be looked at
// later. To connect would tell, and make a run that has nothing registered get ready to register something.
func isLastly(pid int) bool { return pid > 0 && supervise.NameOf(pid) == supervise.NameOf(os.Getpid()) }
