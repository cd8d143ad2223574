package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// Middleware is what Serve puts before a handler, for servers that end in another way, and for the routes of any router
// on which new work is to be rejected once closing has begun (Options.Reject). It counts, sets Connection: close from the
// beginning of the closing on, and registers a hook of s that waits for the requests in flight: o's Name ("" is "http
// requests"), Uses and Timeout (0 is DefaultDrain) are its. DrainDelay means nothing here, and Draining neither. Under Serve
// only o.Reject and o.RetryAfter make a difference, for the server waits for its requests itself.
//
// The middleware may be used for several handlers. Middleware panics if o.Timeout is negative. On a closed scope it rejects,
// or serves with Connection: close.
func Middleware(s *lastly.Scope, o Options) func(http.Handler) http.Handler {
	if o.Timeout < 0 {
		panic(fmt.Sprintf("lastly: Middleware: the Options' Timeout is negative (%v); 0 means %v", o.Timeout, DefaultDrain))
	}
	m := &middleware{closing: closingOf(s), name: cmp.Or(o.Name, "http requests")}
	m.tracker = newTracker(m.closing, &o)
	m.closing.watch()
	seam.OfLastly.RegisterAt(s, lastly.Hook{
		Name: m.name, Uses: o.Uses, Timeout: min(longest, cmp.Or(o.Timeout, DefaultDrain)), Run: m.run, Note: m.note,
	}, callSite())
	return m.wrap
}

// A middleware is one call of Middleware.
type middleware struct {
	name    string
	closing *closing
	tracker *tracker
}

func (m *middleware) wrap(next http.Handler) http.Handler {
	return &tracked{t: m.tracker, next: next}
}

func (m *middleware) note() string { return m.tracker.note(0) }

// run is the hook.
func (m *middleware) run(ctx context.Context) error {
	defer m.closing.unwatch()
	m.closing.note() // now at the latest
	t := m.tracker
	t.draining.Store(true)
	began := time.Now()
	for t.inFlight.Load() > 0 {
		select {
		case <-t.quiet:
		case <-ctx.Done():
			return m.left(time.Since(began))
		}
	}
	return nil
}

// left is the error for requests that have not ended in time.
func (m *middleware) left(after time.Duration) error {
	titles := []string{}
	t := m.tracker
	t.each(func(n *request) { titles = append(titles, n.title()) })
	if len(titles) == 0 {
		return nil
	}
	return fmt.Errorf("lastly: drain: %s: %d requests are still in flight after %v (%s); end what serves them before, or raise Options.Timeout",
		strconv.Quote(m.name), len(titles), after.Round(time.Millisecond), listed(firstFew(titles), len(titles)))
}
