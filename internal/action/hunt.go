package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
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
	found   []*proc.Process  // who was running at the last look, the target among them
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

// drop forgets who was found.
func (h *hunt) drop() {
	for _, p := range h.found {
		if p != h.target {
			_ = p.Close()
		}
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
	signals := []syscall.Signal{syscall.SIGTERM, sigCont} // a stopped process does not see SIGTERM before
	for range maxRounds {
		if err := h.look(signals...); err != nil || h.nobody() {
			return err
		}
		if h.wait(ctx) != nil {
			return nil
		}
		signals = []syscall.Signal{0}
	}
	return nil
}

// end sends SIGKILL to all until nobody is left.
func (h *hunt) end(ctx context.Context) error {
	quiet := h.Mark == ""
	for range maxRounds {
		if err := h.look(syscall.SIGKILL); err != nil {
			return err
		}
		if h.nobody() {
			if quiet {
				return errors.Join(h.failed...)
			}
			quiet = true
			pause(ctx, lookAgain)
			continue
		}
		if err := h.wait(ctx); err != nil {
			return errors.Join(append(h.failed, fmt.Errorf("%s still running: %w", h.names(), err))...)
		}
		quiet = h.Mark == ""
	}
	return errors.Join(append(h.failed, fmt.Errorf("%s and more: new ones are started faster than they are killed", h.names()))...)
}

func (h *hunt) nobody() bool { return len(h.found) == 0 && !h.grouped }

// look finds who is running now, and sends the signals at once: a process that starts its successor and exits is fast. Who
// is found in the target's group gets them once.
func (h *hunt) look(signals ...syscall.Signal) error {
	h.drop()
	done := func(*proc.Process) bool { return false }
	if h.target != nil && h.Group && h.groupRuns() {
		h.grouped = true
		if err := h.each(signals, h.target.SignalGroup); err == nil {
			done = func(p *proc.Process) bool { return p == h.target || groupOf(p.ID().Pid) == h.Pid }
		}
	}
	meet := func(p *proc.Process) bool { return h.meet(p, done(p), signals) }
	if h.target != nil {
		meet(h.target)
	}
	if h.Mark == "" {
		return nil
	}
	spared := append(proc.Ancestors(), os.Getpid())
	if h.target != nil {
		spared = append(spared, h.Pid) // met already
	}
	err := proc.EachMarked(MarkVariable, h.Mark, func(p *proc.Process) bool {
		return !slices.Contains(spared, p.ID().Pid) && meet(p)
	})
	switch {
	case err == nil,
		errors.Is(err, errors.ErrUnsupported) && h.Pid != 0, // marks were only a help
		errors.Is(err, syscall.EMFILE) && len(h.found) > 0:  // these first, the next look finds the others
		return nil
	}
	return fmt.Errorf("look for marked processes: %w", err)
}

// meet signals a process, if it was not signalled already, and reports whether it was running.
func (h *hunt) meet(p *proc.Process, done bool, signals []syscall.Signal) bool {
	if h.beyond[p.ID()] {
		return false
	}
	if done {
		signals = []syscall.Signal{0}
	}
	err := h.each(signals, p.Signal)
	switch {
	case errors.Is(err, proc.ErrGone):
		return false
	case err != nil:
		h.beyond[p.ID()] = true
		h.failed = append(h.failed, err)
		return false
	}
	h.found = append(h.found, p)
	return true
}

func (h *hunt) each(signals []syscall.Signal, send func(syscall.Signal) error) error {
	for _, sig := range signals {
		if err := send(sig); err != nil {
			return err
		}
	}
	return nil
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

// wait waits until the found ones are gone.
func (h *hunt) wait(ctx context.Context) error {
	for _, p := range h.found {
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
		pids = append(pids, strconv.Itoa(p.ID().Pid))
	}
	if h.grouped {
		pids = append(pids, fmt.Sprintf("group %d", h.Pid))
	}
	return fmt.Sprintf("%d processes found (%s)", len(h.found), strings.Join(pids, ", "))
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
