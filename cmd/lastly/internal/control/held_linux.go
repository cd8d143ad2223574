package control

import (
	"os"

	"github.com/lastly-go/lastly/internal/action"
	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/internal/supervise"
)

// isHeld reports whether a supervisor is above processes that bear the mark: of a run of which but the outer process was killed, or
// of one around it. It ends them when it is time, and knows their grace.
func isHeld(mark string) (held bool) {
	err := proc.EachMarked(action.MarkVariable, mark, func(p *proc.Process) (keep bool) {
		for pid := supervise.ParentOf(p.ID().Pid); pid > 1 && !held; pid = supervise.ParentOf(pid) {
			held = supervise.NameOf(pid) == supervise.Supervisor
		}
		return false
	})
	return held && err == nil
}

// isBorne reports whether there is a process with the mark.
func isBorne(mark string) (found bool) {
	err := proc.EachMarked(action.MarkVariable, mark, func(*proc.Process) (keep bool) {
		found = true
		return false
	})
	return found || err != nil
}

// isLastly reports whether the process is one of this program: then a socket with its number is its own, or will be looked at
// later. To connect would tell, and make a run that has nothing registered get ready to register something.
func isLastly(pid int) bool { return pid > 0 && supervise.NameOf(pid) == supervise.NameOf(os.Getpid()) }
