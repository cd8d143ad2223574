package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/internal/proc"
)

const (
	// lookAgain is how long after a look that found nobody another one follows: a process between fork and exec does not
	// bear its mark yet, and a group's members can't be waited for.
	lookAgain = 10 * time.Millisecond

	// maxRounds bounds how often is looked: who starts new processes faster than they are killed wins, and is reported.
	maxRounds = 1000
)

// Do ends the process and waits until it is gone, which a zombie is. Without a deadline the context is bounded by
// DefaultLimit; a Grace is cut when the context has no more time. When the context ends before the processes are gone they
// were sent SIGKILL all the same, and the error says who is left.
//
// A process that is gone, or was of an earlier boot, is done. (One of another machine would be taken for that: call Do only
// where it ran.) One of another PID namespace is proc.ErrElsewhere. This process and its ancestors are never killed: as the
// target they are an error, if marked they are left alone.
func (k Kill) Do(ctx context.Context) error {
	if err := k.do(ctx); err != nil {
		return fmt.Errorf("%v: %w", k, err)
	}
	return nil
}

func (k Kill) do(ctx context.Context) error {
	if err := k.check(); err != nil {
		return err
	}
	if k.Target == nil {
		return errors.New("it was not captured, so that nobody knows which process had the number")
	}
	boot := proc.BootID()
	switch {
	case k.Target.Boot != boot && k.Target.Boot != "" && boot != "":
		return nil
	case k.Target.Boot != boot:
		return errors.New("this system does not tell which boot it is in: mount /proc")
	case k.Target.Namespace != proc.Namespace():
		return proc.ErrElsewhere
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	h := hunt{Kill: k, beyond: make(map[proc.ID]bool)}
	defer h.letGo()
	if err := h.open(); err != nil {
		return err
	}
	if k.Grace > 0 {
		if err := h.ask(ctx); err != nil {
			return err
		}
	}
	return h.end(ctx)
}

// A hunt is one Do.
type hunt struct {
	Kill
	target  *proc.Process    // held to the end, for its group; nil if it was gone before
	found   []*proc.Process  // who was running at the last look
	grouped bool             // the target's group had a running member at the last look
	beyond  map[proc.ID]bool // who can't be signalled: not looked at again
	failed  []error          // why not
}

// open holds the target if it is still there.
func (h *hunt) open() error {
	if h.Pid == 0 {
		return nil
	}
	p, err := proc.Open(*h.Target)
	if errors.Is(err, proc.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	h.target = p
	return spare(h.Pid, h.Group)
}

func (h *hunt) letGo() {
	h.drop()
	if h.target != nil {
		_ = h.target.Close()
	}
}

// drop lets go of the found ones.
func (h *hunt) drop() {
	for _, p := range h.found {
		_ = p.Close()
	}
	h.found, h.grouped = nil, false
}

// ask sends SIGTERM to all, once, and waits until nobody is left or the grace is over. Who is started meanwhile may be part
// of an orderly end, and is waited for.
func (h *hunt) ask(ctx context.Context) error {
	grace := h.Grace
	if end, ok := ctx.Deadline(); ok {
		grace = min(grace, time.Until(end)*9/10) // so that SIGKILL has some time, too
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for round := range maxRounds {
		if err := h.look(); err != nil || h.nobody() {
			return err
		}
		if round == 0 {
			h.signal(syscall.SIGTERM)
			h.signal(sigCont) // a stopped process does not see SIGTERM before
		}
		if h.wait(ctx) != nil {
			return nil
		}
	}
	return nil
}

// end sends SIGKILL to all until nobody is left.
func (h *hunt) end(ctx context.Context) error {
	quiet := h.Mark == ""
	for range maxRounds {
		if err := h.look(); err != nil {
			return err
		}
		if h.nobody() && quiet {
			return errors.Join(h.failed...)
		}
		quiet = h.nobody()
		if quiet {
			pause(ctx, lookAgain)
			continue
		}
		h.signal(syscall.SIGKILL)
		if err := h.wait(ctx); err != nil {
			return errors.Join(append(h.failed, fmt.Errorf("%s still running: %w", h.names(), err))...)
		}
		quiet = h.Mark == ""
	}
	return errors.Join(append(h.failed, fmt.Errorf("%s and more: new ones are started faster than they are killed", h.names()))...)
}

func (h *hunt) nobody() bool { return len(h.found) == 0 && !h.grouped }

// look finds who is running now.
func (h *hunt) look() error {
	h.drop()
	if h.target != nil {
		if err := h.hold(h.target.ID()); err != nil {
			return err
		}
		h.grouped = h.Group && h.groupRuns()
	}
	if h.Mark == "" {
		return nil
	}
	marked, err := proc.Marked(MarkVariable, h.Mark)
	switch {
	case errors.Is(err, errors.ErrUnsupported) && h.Pid != 0:
		return nil // marks were only a help
	case err != nil:
		return fmt.Errorf("look for marked processes: %w", err)
	}
	untouchable := append(proc.Ancestors(), os.Getpid())
	for _, id := range marked {
		if h.target != nil && id.Pid == h.target.ID().Pid || slices.Contains(untouchable, id.Pid) {
			continue
		}
		if err := h.hold(id); err != nil {
			return err
		}
	}
	return nil
}

// hold adds a process to the found ones, if it still runs.
func (h *hunt) hold(id proc.ID) error {
	if h.beyond[id] {
		return nil
	}
	p, err := proc.Open(id)
	switch {
	case err == nil:
		h.found = append(h.found, p)
		return nil
	case errors.Is(err, proc.ErrGone):
		return nil
	case errors.Is(err, syscall.EMFILE) && len(h.found) > 0:
		return nil // these first, the next look finds the others
	}
	return err
}

// groupRuns reports whether a member of the target's group is more than a zombie, which an orphan stays in a container
// whose first process waits for nobody.
func (h *hunt) groupRuns() bool {
	if h.beyond[h.target.ID()] || h.target.SignalGroup(0) != nil {
		return false
	}
	members, err := proc.Members(h.Pid)
	return err != nil || len(members) > 0
}

// signal sends a signal to each of the found ones, once.
func (h *hunt) signal(sig syscall.Signal) {
	inGroup := func(*proc.Process) bool { return false }
	if h.grouped && h.target.SignalGroup(sig) == nil {
		inGroup = func(p *proc.Process) bool { return groupOf(p.ID().Pid) == h.Pid }
	}
	for _, p := range h.found {
		if inGroup(p) {
			continue
		}
		if err := p.Signal(sig); err != nil && !errors.Is(err, proc.ErrGone) {
			h.beyond[p.ID()] = true
			h.failed = append(h.failed, err)
		}
	}
}

// wait waits until the found ones are gone, those apart that can't be signalled.
func (h *hunt) wait(ctx context.Context) error {
	for _, p := range h.found {
		if h.beyond[p.ID()] {
			continue
		}
		if err := p.Wait(ctx); err != nil {
			return err
		}
	}
	for h.grouped && h.groupRuns() {
		if pause(ctx, lookAgain); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// names lists some of the found ones.
func (h *hunt) names() string {
	var pids []string
	for _, p := range h.found[:min(len(h.found), 5)] {
		pids = append(pids, fmt.Sprint(p.ID().Pid))
	}
	if h.grouped {
		pids = append(pids, fmt.Sprintf("group %d", h.Pid))
	}
	return fmt.Sprintf("of %d processes found (%s)", len(h.found), strings.Join(pids, ", "))
}

// pause waits for a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
