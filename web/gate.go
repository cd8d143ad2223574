package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// pending is what readiness waits for.
type pending struct {
	name string
	gate bool // a Gate's, which Set leaves alone
}

// Gate makes readiness wait for a check of the startup: a cache to be warm, a migration to be done. check runs at once
// in a Go of the scope, which uses everything registered before; while it runs, the probe fails and names it. When it
// returns nil, readiness no longer waits for it. When it fails or panics, the scope begins to close (the process scope's
// close is the exit flow), and the cause names the gate. Its context ends at its place in the order of the close; an error
// that only says so is no failure. Gate panics if check is nil. On a closed scope the check runs with an ended context.
func (r *Readiness) Gate(name string, check func(context.Context) error) {
	if check == nil {
		panic(fmt.Sprintf("lastly: Gate: gate %s has no check; pass the function that readiness waits for", strconv.Quote(name)))
	}
	p := &pending{name: name, gate: true} // two gates may have one name: each counts
	r.mu.Lock()
	r.pending = append(r.pending, p)
	r.mu.Unlock()
	seam.OfLastly.GoAt(r.s, lastly.Hook{Name: "gate " + name, Run: func(ctx context.Context) error {
		if err := check(ctx); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pending = slices.DeleteFunc(r.pending, func(other *pending) bool { return other == p })
		return nil
	}}, callSite())
}

// Set says whether something that readiness depends on is as it should be: Set("peers", false) makes the probe fail with
// that name until Set("peers", true). A name that was never set is as it should be. Gates of the same name are not
// touched.
func (r *Readiness) Set(name string, ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(p *pending) bool { return !p.gate && p.name == name }
	switch {
	case ready:
		r.pending = slices.DeleteFunc(r.pending, same)
	case !slices.ContainsFunc(r.pending, same):
		r.pending = append(r.pending, &pending{name: name})
	}
}
