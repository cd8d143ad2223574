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
	// lookAgain is how long after a look that found nobody another one follows, and looks how many of those in a row have to
	// find nobody: the first marked process bears its mark only when it has executed a program.
	lookAgain = 5 * time.Millisecond
	looks     = 4

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
	h := hunt{Kill: k, found: make(map[proc.ID]*proc.Process), beyond: make(map[proc.ID]bool)}
	defer h.close()
	if err := h.open(); err != nil {
		return err
	}
	h.await(ctx)
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
	target *proc.Process             // held to the end, for its group; nil if it was gone before
	found  map[proc.ID]*proc.Process // who was running at the last look, the target among them
	beyond map[proc.ID]bool          // who can't be signalled: not looked at again
	failed []error                   // why not
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

func (h *hunt) close() {
	for _, p := range h.found {
		_ = p.Close()
	}
	if h.target != nil {
		_ = h.target.Close() // a second time does nothing
	}
}

// await gives the target its time to end by itself. What bears the mark is looked at afterwards, in any case.
func (h *hunt) await(ctx context.Context) {
	if h.Await <= 0 || h.target == nil {
		return
	}
	ctx, cancel := leavingTime(ctx, h.Await)
	defer cancel()
	_ = h.target.Wait(ctx)
}

// leavingTime bounds a wait, and leaves a tenth of the time that there is for what comes after: SIGKILL in the end.
func leavingTime(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)*9/10)
	}
	return context.WithTimeout(ctx, limit)
}

// ask sends SIGTERM to all, once, and waits until nobody is left or the grace is over. All are found before the first is
// asked: who is started from then on may be part of an orderly end, and is waited for.
func (h *hunt) ask(ctx context.Context) error {
	ctx, cancel := leavingTime(ctx, h.Grace)
	defer cancel()
	check := []syscall.Signal{0}
	if err := h.look(check, check); err != nil {
		return err
	}
	signals := []syscall.Signal{syscall.SIGTERM, sigCont} // a stopped process does not see SIGTERM before
	for range maxRounds {
		if err := h.look(signals, check); err != nil || len(h.found) == 0 {
			return err
		}
		if h.wait(ctx) != nil {
			return nil
		}
		signals = check
	}
	return nil
}

// end sends SIGKILL to all until nobody is left.
func (h *hunt) end(ctx context.Context) error {
	kill := []syscall.Signal{syscall.SIGKILL}
	quiet, enough := 0, 1
	if h.Mark != "" {
		enough = looks
	}
	for range maxRounds {
		if err := h.look(kill, kill); err != nil {
			return err
		}
		if len(h.found) == 0 {
			if quiet++; quiet >= enough {
				return errors.Join(h.failed...)
			}
			pause(ctx, lookAgain)
			continue
		}
		if err := h.wait(ctx); err != nil {
			return errors.Join(append(h.failed, fmt.Errorf("%s still running: %w", h.names(), err))...)
		}
		quiet = 0
	}
	return errors.Join(append(h.failed, fmt.Errorf("%s and more: new ones are started faster than they are killed", h.names()))...)
}

// look sends signals to those that were found before, and to the target and its group. Then it finds who bears the mark,
// and sends them theirs at once: a process that starts its successor and exits is fast. Who is in the target's group gets
// them once.
func (h *hunt) look(signals, toMarked []syscall.Signal) error {
	check := []syscall.Signal{0}
	spared := append(proc.Ancestors(), os.Getpid(), 1) // docker exec has no ancestors, but 1 is the container all the same
	// The members are held before the group is signalled: it may be known by a leader that dies of the signal.
	err := h.members(func(p *proc.Process) bool { return !slices.Contains(spared, p.ID().Pid) && h.meet(p, check) })
	grouped := h.target != nil && h.Group && each(signals, h.target.SignalGroup) == nil
	if h.target != nil && h.found[h.target.ID()] == nil {
		h.meet(h.target, check)
	}
	for _, p := range h.found {
		spared = append(spared, p.ID().Pid)
		if grouped && groupOf(p.ID().Pid) == h.Pid {
			h.meet(p, check)
		} else {
			h.meet(p, signals)
		}
	}
	if err == nil && h.Mark != "" {
		err = proc.EachMarked(MarkVariable, h.Mark, func(p *proc.Process) bool {
			return !slices.Contains(spared, p.ID().Pid) && h.meet(p, toMarked)
		})
	}
	switch {
	case err == nil,
		errors.Is(err, errors.ErrUnsupported) && h.Pid != 0, // groups and marks were only a help
		errors.Is(err, syscall.EMFILE) && len(h.found) > 0:  // these first, the next look finds the others
		return nil
	}
	return fmt.Errorf("look for more processes: %w", err)
}

// meet signals a process, and notes whether it runs. It returns true when the process is kept.
func (h *hunt) meet(p *proc.Process, signals []syscall.Signal) bool {
	id := p.ID()
	if h.beyond[id] {
		return false
	}
	switch err := each(signals, p.Signal); {
	case err == nil:
		h.found[id] = p
		return true
	case !errors.Is(err, proc.ErrGone):
		h.beyond[id] = true
		h.failed = append(h.failed, err)
	}
	if h.found[id] == p && p != h.target {
		_ = p.Close()
	}
	delete(h.found, id)
	return false
}

// members calls meet with each running process of the target's group. That is the group of that number as long as the
// kernel reaches it through the target, or a process that was found in it is still in it: till then nobody else gets the number.
func (h *hunt) members(meet func(*proc.Process) bool) error {
	if h.target == nil || !h.Group {
		return nil
	}
	same := h.target.SignalGroup(0) == nil
	for _, p := range h.found {
		same = same || groupOf(p.ID().Pid) == h.Pid && p.Signal(0) == nil
	}
	if !same {
		return nil
	}
	pids, err := proc.Members(h.Pid)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		p, err := proc.OpenPid(pid)
		switch {
		case errors.Is(err, proc.ErrGone):
		case err != nil:
			return err
		case groupOf(pid) != h.Pid || h.found[p.ID()] != nil || !meet(p):
			_ = p.Close()
		}
	}
	return nil
}

func each(signals []syscall.Signal, send func(syscall.Signal) error) error {
	for _, sig := range signals {
		if err := send(sig); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until the found ones are gone.
func (h *hunt) wait(ctx context.Context) error {
	for _, p := range h.found {
		if err := p.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// names lists some of the found ones.
func (h *hunt) names() string {
	var pids []string
	for id := range h.found {
		pids = append(pids, strconv.Itoa(id.Pid))
	}
	slices.Sort(pids)
	return fmt.Sprintf("%d processes found (%s)", len(pids), shorten(strings.Join(pids, ", "), 60))
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
