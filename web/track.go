package web

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// A tracker knows the requests in flight. It is on the path of every request, so it makes nothing that the garbage
// collector would have to take away, and asks for the time only when closing has begun.
type tracker struct {
	closing    *closing
	reject     bool
	retryAfter string
	cells      bool // its requests' contexts have cells

	draining  atomic.Bool  // the delay is over
	farewell  atomic.Bool  // HTTP/2 connections are told to go with the next response
	inFlight  atomic.Int64 // requests
	rejected  atomic.Int64
	takenOver atomic.Int64 // connections that handlers took over, and that have ended
	unsent    atomic.Int64 // answers that were cut after their requests had counted as served
	drained   atomic.Int64 // requests, and connections taken over, that ended while draining
	quiet     chan struct{}

	pool   sync.Pool // of *request
	turn   atomic.Uint32
	shards [shardCount]shard
}

const shardCount = 8

// A shard is a part of the requests in flight, so that processors don't queue for one lock.
type shard struct {
	mu     sync.Mutex // guards the list and the counts
	head   request
	served int64

	_ [64]byte // keeps the next shard out of this one's cache lines
}

// A request in flight. What it says of the request is copied, because handlers may change theirs.
type request struct {
	prev, next *request
	shard      *shard
	method     string
	path       string
	cell       *cell    // of its connection; nil without Serve
	taken      net.Conn // the connection, when the handler took it over
	cut        bool
}

// A cell is where a connection says which request it serves now, for whoever hears that a handler took it over, and how far that
// is. Over HTTP/2 it is one of its requests, and nobody can take it over.
type cell struct {
	now   atomic.Pointer[request]
	phase atomic.Int32
}

// The phases of a connection. The last two are between a handler's return and the moment when all of the answer is sent and all
// of the request has come.
const (
	phaseUnused int32 = iota // nothing has come yet
	phaseIdle
	phaseBusy    // with a request that has not been counted as served
	phaseServed  // it has
	phaseDrained // the same, while draining
)

// cellKey finds it in the context of the connection's requests.
type cellKey struct{}

func newTracker(c *closing, o *Options) *tracker {
	t := &tracker{closing: c, reject: o.Reject, retryAfter: o.retryAfter(), quiet: make(chan struct{}, 1)}
	for i := range t.shards {
		h := &t.shards[i].head
		h.prev, h.next = h, h
	}
	t.pool.New = func() any { return &request{shard: &t.shards[t.turn.Add(1)%shardCount]} }
	return t
}

// tracked is a handler with what the exit flow needs around it.
type tracked struct {
	t      *tracker
	next   http.Handler
	served bool // by Serve, not by Middleware
}

func (h *tracked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := h.t
	if t.closing.begun.Load() && !t.admit(w, r, h.next) {
		return
	}
	n := t.enter(r)
	defer t.leave(n)
	h.next.ServeHTTP(w, r)
}

func (t *tracker) enter(r *http.Request) *request {
	n := t.pool.Get().(*request)
	n.method = r.Method
	if r.URL != nil {
		n.path = r.URL.Path
	}
	if t.cells {
		n.cell, _ = r.Context().Value(cellKey{}).(*cell)
	}
	t.inFlight.Add(1)
	s := n.shard
	s.mu.Lock()
	n.prev, n.next = &s.head, s.head.next
	n.prev.next, n.next.prev = n, n
	s.mu.Unlock()
	if n.cell != nil {
		n.cell.now.Store(n)
	}
	return n
}

func (t *tracker) leave(n *request) {
	s := n.shard
	phase := phaseBusy
	s.mu.Lock()
	n.prev.next, n.next.prev = n.next, n.prev
	taken := undress(n.taken)
	if taken == nil && !n.cut {
		s.served++
		phase = phaseServed
	}
	s.mu.Unlock()
	if phase == phaseServed && t.draining.Load() {
		t.drained.Add(1)
		phase = phaseDrained
	}
	if n.cell != nil {
		n.cell.leave(phase)
	}
	if taken != nil {
		taken.handled(n.cut)
	}
	*n = request{shard: s}
	t.pool.Put(n)
	if t.inFlight.Add(-1) == 0 {
		t.wake()
	}
}

// leave notes that the handler has returned. Over HTTP/2 the client may have given its request up before, and the connection be
// idle.
func (c *cell) leave(phase int32) {
	c.now.Store(nil)
	if c.phase.Load() >= phaseBusy {
		c.phase.Store(phase)
	}
}

// wake tells whoever drains to look again.
func (t *tracker) wake() {
	if !t.draining.Load() {
		return
	}
	select {
	case t.quiet <- struct{}{}:
	default: // it has been told, and has not looked yet
	}
}

// admit is for requests that arrive after closing has begun. It returns false if it answered itself.
func (t *tracker) admit(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	if (r.ProtoMajor < 2 || t.farewell.Load()) && !switches(r) {
		w.Header().Set("Connection", "close")
	}
	if !t.reject || exempt(next, r) {
		return true
	}
	t.rejected.Add(1)
	if t.retryAfter != "" {
		w.Header().Set("Retry-After", t.retryAfter)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "shutting down", http.StatusServiceUnavailable)
	return false
}

// switches reports whether the request asks for another protocol, whose answer needs its own Connection header. HTTP/2 is none
// here: clients that offer it with every request, and go on without it, have to hear of the end as others do.
func switches(r *http.Request) bool {
	to := r.Header.Get("Upgrade")
	return to != "" && !strings.EqualFold(to, "h2c")
}

// exempt reports whether the request asks how the process is.
func exempt(h http.Handler, r *http.Request) bool {
	if mux, ok := h.(interface {
		Handler(*http.Request) (http.Handler, string)
	}); ok {
		h, _ = mux.Handler(r)
	}
	switch h := h.(type) {
	case *Readiness, live:
		return true
	case *tracked:
		return exempt(h.next, r)
	}
	return false
}

// each visits the requests in flight, with the lock of their shard held.
func (t *tracker) each(visit func(*request)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for n := s.head.next; n != &s.head; n = n.next {
			visit(n)
		}
		s.mu.Unlock()
	}
}

// markTaken notes that the handler of a connection's request took it over, and returns the request's title.
func markTaken(c *cell, nc net.Conn) string {
	n := c.now.Load()
	if n == nil {
		return "a request that has ended"
	}
	n.shard.mu.Lock()
	defer n.shard.mu.Unlock()
	n.taken = nc
	return n.title()
}

// leaveTaken counts a connection that a handler had taken over.
func (t *tracker) leaveTaken() {
	t.takenOver.Add(1)
	if t.draining.Load() {
		t.drained.Add(1)
	}
}

// served is how many requests have ended by themselves.
func (t *tracker) served() int64 {
	count := -t.unsent.Load() // first, so that what it takes off is there
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		count += s.served
		s.mu.Unlock()
	}
	return count + t.takenOver.Load()
}

// note is for reports: what happened until now.
func (t *tracker) note(cut int64) string {
	text := "served " + strconv.FormatInt(t.served(), 10)
	if t.draining.Load() {
		text += ", drained " + strconv.FormatInt(t.drained.Load(), 10) + ", cut " + strconv.FormatInt(cut, 10)
	}
	if n := t.inFlight.Load(); n > 0 {
		text += ", in flight " + strconv.FormatInt(n, 10)
	}
	if n := t.rejected.Load(); n > 0 {
		text += ", rejected " + strconv.FormatInt(n, 10)
	}
	return text
}

// title is the request in an error. The path is quoted: somebody else chose it.
func (n *request) title() string {
	const most = 80
	path := n.path
	if len(path) > most {
		path = path[:most] + "..."
	}
	return n.method + " " + strconv.Quote(path)
}
