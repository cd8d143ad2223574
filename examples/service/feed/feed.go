// Package feed shows rows live, as they are stored, to whoever watches: over a WebSocket, or as server-sent events.
//
// Both are requests that never end by themselves, so a server that only waits for its requests would wait for ever. A
// watcher is therefore told when the server drains: by the close frame 1001 (going away), or by a last event "end". It
// can then connect again, elsewhere, and has not lost its connection for a reason that it must guess.
//
// The package has no hook: whoever watches is a request, and the server's hook awaits it.
package feed

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// pending is how many rows wait for one watcher. One that is slower misses rows: a live feed is no log.
	pending = 256
	// writeTimeout is for one row, or for the farewell: a watcher that doesn't read holds nobody up for longer.
	writeTimeout = 5 * time.Second
)

// A Feed passes rows of any type on. Its methods may be called concurrently.
type Feed[T any] struct {
	ending func(context.Context) <-chan struct{}

	mu       sync.Mutex // guards what follows
	watchers map[chan T]struct{}
	counts   Counts
}

// Counts say what became of the watchers so far.
type Counts struct {
	Open int // watching now
	Told int // were told that the server drains, in full
	Left int // went by themselves, or were cut off
}

func (c Counts) String() string {
	return fmt.Sprintf("%d open, %d told, %d left", c.Open, c.Told, c.Left)
}

// New returns a feed. ending returns, for a request's context, a channel that is closed when its server begins to drain.
func New[T any](ending func(context.Context) <-chan struct{}) *Feed[T] {
	return &Feed[T]{ending: ending, watchers: make(map[chan T]struct{})}
}

// Publish passes rows on to everybody who watches now, and waits for nobody.
func (f *Feed[T]) Publish(rows []T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for watcher := range f.watchers {
		for _, row := range rows {
			select {
			case watcher <- row:
			default: // too slow for this row
			}
		}
	}
}

// Counts returns the counts of now.
func (f *Feed[T]) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.counts
	c.Open = len(f.watchers)
	return c
}

// watch passes rows to send until the server drains, the watcher is gone, or a row can't be sent. Then it says farewell
// if that is of use, and counts.
func (f *Feed[T]) watch(r *http.Request, gone <-chan struct{}, send func(T) error, farewell func() error) {
	rows := make(chan T, pending)
	f.mu.Lock()
	f.watchers[rows] = struct{}{}
	f.mu.Unlock()
	told := f.pass(rows, f.ending(r.Context()), gone, send) && farewell() == nil

	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watchers, rows)
	if told {
		f.counts.Told++
	} else {
		f.counts.Left++
	}
}

// pass reports whether it is the server that ended it.
func (f *Feed[T]) pass(rows <-chan T, ending, gone <-chan struct{}, send func(T) error) bool {
	for {
		select {
		case <-ending:
			return true
		case <-gone:
			return false
		case row := <-rows:
			if send(row) != nil {
				return false
			}
		}
	}
}
