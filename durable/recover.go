package durable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lastly-go/lastly/internal/journal"
)

// DefaultLimit is how long Recover and Sweep take at most, when nobody sets another limit.
const DefaultLimit = time.Minute

// Options are what Recover and Sweep may be told. The zero value is right for most.
type Options struct {
	// Dir is the folder of journals; "" means where this process has its own, see Settings.Dir.
	Dir string

	// Limit is how long it may take in all, 0 means DefaultLimit. Each record has its own timeout, too.
	Limit time.Duration

	// Wait is how long to wait for a guard, or another one who settles, that is still at it. 0 is not at all.
	Wait time.Duration

	// Retry tries dead letters once more, and what is not due yet.
	Retry bool

	// Expire drops dead letters whose last attempt is so long ago; 0 is never. They are in the report, as Expired.
	Expire time.Duration
}

// Recover settles what earlier runs of this program left: one attempt for each record that is due, in the order of the
// rules. lastly.Main does it at the start. It returns what it found and did; the error is about what it could not look
// at, and about no single record. It may be called at any time, also from a hook, and while others do the same: no record
// is settled twice at the same time, and none whose owner lives. When ctx is cancelled, the record that it is at is the last
// one, and the rest is left as it was.
func Recover(ctx context.Context, o Options) (Report, error) {
	return o.settle(ctx, func(owner journal.Owner) bool { return owner.Program == program() })
}

// Sweep is Recover for every journal in the folder, whichever program's: what a program would do that finds its own and
// others' leftovers, such as a service that cleans up after all others of this user. Kinds of other programs are left in
// place, and named.
func Sweep(ctx context.Context, o Options) (Report, error) {
	return o.settle(ctx, func(journal.Owner) bool { return true })
}

func (o Options) settle(ctx context.Context, ours func(journal.Owner) bool) (Report, error) {
	r := Report{Began: time.Now()}
	if o.Limit < 0 || o.Wait < 0 || o.Expire < 0 {
		return r, fmt.Errorf("lastly: durable.Options: a negative duration (Limit %v, Wait %v, Expire %v); 0 is the default", o.Limit, o.Wait, o.Expire)
	}
	limit := cmp.Or(o.Limit, DefaultLimit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := currentSettings()
	s.Dir = cmp.Or(o.Dir, s.Dir)
	dir, err := s.folder(false)
	if err != nil {
		return r, err
	}
	paths, err := list(dir)
	if err != nil {
		return r, err
	}
	for _, path := range paths {
		owner, err := ownerOf(path)
		if err == nil && !ours(owner) || isOwn(path) {
			continue
		}
		if one := o.settleOne(ctx, path, dir); one.State != "" {
			r.Journals = append(r.Journals, one)
		}
		if ctx.Err() != nil {
			break
		}
	}
	r.Duration = time.Since(r.Began)
	return r, ctx.Err()
}

// ownerOf reads whose journal it is, and takes no lock: that could keep its owner's guard waiting.
func ownerOf(path string) (journal.Owner, error) {
	f, owner, err := journal.Peek(path)
	if err == nil {
		_ = f.Close()
	}
	return owner, err
}

// isOwn reports whether a journal is this process's.
func isOwn(path string) bool {
	j := own.journal.Load()
	return j != nil && j.Path() == path
}

// settleOne settles one journal, if its owner is gone.
func (o Options) settleOne(ctx context.Context, path, dir string) JournalReport {
	j, content, r := claim(path, unknownFate)
	for end := time.Now().Add(o.Wait); r.State == Settling && time.Now().Before(end) && ctx.Err() == nil; {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		j, content, r = claim(path, unknownFate)
	}
	if j == nil {
		return r
	}
	p := pass{
		limit: o.left(ctx), retry: o.Retry, expire: o.Expire, living: livingNames(dir, path), gone: goneWith(j.Owner()), leaving: canceled(ctx),
	}
	st := &settler{journal: j, entries: content.Entries, find: findKind(j.Owner()), pass: p, now: time.Now}
	r.Records = st.run(ctx)
	r.Crash = readCrash(path)
	st.whenIdle(func() {
		removeEmpty(j)
		_ = j.Close()
	})
	return r
}

// canceled tells whether somebody wants to leave: then no attempt is begun that would be hurried, and count as one that failed.
func canceled(ctx context.Context) func() bool {
	return func() bool { return errors.Is(ctx.Err(), context.Canceled) }
}

func (o Options) left(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return max(time.Until(deadline), time.Millisecond)
}

// removeEmpty removes a journal that has nothing left in it, while its locks are held.
func removeEmpty(j *journal.Journal) {
	if j.Live() == 0 {
		_ = readCrash(j.Path())
		_ = j.Remove()
	}
}

// findKind looks kinds up for a journal's records.
func findKind(o journal.Owner) func(name string) (anyKind, string) {
	return func(name string) (anyKind, string) {
		switch k := kinds.find(name); {
		case k != nil:
			return k, ""
		case isGo(name) && o.Program != program():
			return nil, fmt.Sprintf("kind %q is another program's; start %s, or settle by hand and remove %s", name, o.Program, o.Command)
		case isGo(name):
			return nil, fmt.Sprintf("this program has no kind %q; define it again, even if only to settle what is left", name)
		}
		return nil, fmt.Sprintf("this version of lastly has no kind %q; settle with a newer one", name)
	}
}
