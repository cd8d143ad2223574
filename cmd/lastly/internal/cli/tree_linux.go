package cli

import (
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
