package durable

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lastly-go/lastly/internal/seam"
)

// How Main settles what earlier runs left.
const (
	startLimit = 5 * time.Second // how long run waits for it; then it goes on beside run
	guardWait  = 2 * time.Second // of that, for a guard that is still at it: a supervisor restarts at once
)

var _ = seam.Fill(&seam.OfDurable, seam.Durables{
	RegisterAt: registerAt, Guard: startMain, Recover: recoverAtStart, Finish: own.finish, Folder: ownFolder, SettleOne: settleOneRecord,
})

// Init is for programs that do not use lastly.Main: call it first in main, and in TestMain. In a guard, it settles what is
// left and ends the process; else it lets Go kinds be registered, and returns at once. Called in a test it does not: the
// guard of a test binary would run the tests to get there. It does not settle what earlier runs left; Recover does.
func Init() { startMain() }

// startMain is what Main and Init have in common.
func startMain() {
	if !inTest() {
		started.Store(true)
	}
	if due != nil {
		due.settleRest() // ends the process
	}
}

// recoverAtStart is Recover before run. What it has no time for goes on beside run.
func recoverAtStart(stop <-chan struct{}) {
	dir, err := currentSettings().folder(false)
	if err == nil {
		var paths []string
		if paths, err = list(dir); err == nil && len(paths) == 0 {
			return // as most starts find it
		}
	}
	first := make(chan struct{})
	go recoverBeside(stop, first) // ends when stop is closed, or when there is nothing to try again
	select {
	case <-first:
	case <-stop:
	case <-time.After(startLimit):
	}
}

// recoverBeside settles, and tries again what failed when it is due.
func recoverBeside(stop <-chan struct{}, first chan<- struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with ctx
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	o := Options{Wait: guardWait}
	for round := 0; ; round++ {
		r, err := Recover(ctx, o)
		if round == 0 {
			close(first)
			o.Wait = 0 // from now on nobody waits for this
		}
		if ctx.Err() != nil {
			return
		}
		tell(r, err, round > 0)
		next := r.again(err, round)
		if next.IsZero() {
			return
		}
		select {
		case <-time.After(max(time.Until(next), 100*time.Millisecond)):
		case <-ctx.Done():
			return
		}
	}
}

// again is when to recover once more: at once if there was no time for all, when a failed record is due, and now and then
// while somebody else settles, who may leave something. It is zero when there is nothing to wait for.
func (r Report) again(err error, round int) time.Time {
	next := r.nextDue()
	if errors.Is(err, context.DeadlineExceeded) {
		next = r.Began
	}
	if slices.ContainsFunc(r.Journals, func(j JournalReport) bool { return j.State == Settling }) {
		look := r.Began.Add(r.Duration + min(time.Second<<min(round, 6), time.Minute))
		if next.IsZero() || look.Before(next) {
			next = look
		}
	}
	return next
}

// nextDue is when the first failed record may be tried again; zero if there is none.
func (r Report) nextDue() (next time.Time) {
	for _, j := range r.Journals {
		for i := range j.Records {
			rec := &j.Records[i]
			if (rec.Outcome == Failed || rec.Outcome == Waiting) && !rec.Due.IsZero() && (next.IsZero() || rec.Due.Before(next)) {
				next = rec.Due
			}
		}
	}
	return next
}

// tell logs what a recovery in the background did; again says that what is left as it was has been told.
func tell(r Report, err error, again bool) {
	log := currentSettings().logger()
	if err != nil {
		log.Warn("lastly: could not recover", "error", err)
	}
	for _, j := range r.Journals {
		if !again && (j.State == Unusable || j.State == Elsewhere) {
			log.Warn("lastly: a journal is left", "path", j.Path, "state", string(j.State), "why", j.Why)
		}
		for i := range j.Records {
			rec := &j.Records[i]
			switch {
			case rec.Outcome == Settled:
				log.Info("lastly: settled", "kind", rec.Kind, "name", rec.Name, "owner", j.Pid, "took", rec.Duration)
			case !again || rec.Duration > 0: // it was tried just now
				log.Warn("lastly: not settled", "kind", rec.Kind, "name", rec.Name, "owner", j.Pid, "outcome", string(rec.Outcome), "error", rec.Err)
			}
		}
	}
}
