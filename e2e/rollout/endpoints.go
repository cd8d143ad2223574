package main

import (
	"net/http"
	"sync"
	"time"
)

// endpoints is which instances get requests. It is what Kubernetes has between a pod's readiness and whoever sends requests to
// it: every instance is asked for its readiness again and again, and what has changed takes effect only after a delay.
type endpoints struct {
	every time.Duration // between two questions
	delay time.Duration // between an answer and its effect
	probe http.Client

	quit chan struct{}  // closed when nobody is to ask any more
	wg   sync.WaitGroup // the goroutines that ask

	mu       sync.Mutex // guards what is below, and the endpoints' fields that say so
	rotation []*endpoint
	next     int
}

// An endpoint is one instance.
type endpoint struct {
	addr string
	send http.Handler  // forwards a request to it
	in   chan struct{} // closed when it gets requests for the first time
	gone chan struct{} // closed when its process has ended

	applied int // the number of the change that took effect last; guarded by the mutex of endpoints
}

// probeLimit is how long an instance may take to say that it is ready. It is long: an instance that is slow on a busy machine
// must not be taken for one that is going.
const probeLimit = 10 * time.Second

func newEndpoints(every, delay time.Duration) *endpoints {
	return &endpoints{
		every: every,
		delay: delay,
		// A question comes on a connection of its own, as those of Kubernetes do.
		probe: http.Client{Transport: newFresh(), Timeout: probeLimit},
		quit:  make(chan struct{}),
	}
}

// close waits for the last answers.
func (e *endpoints) close() {
	close(e.quit)
	e.wg.Wait()
}

// follow begins to ask an instance for its readiness, until it has ended.
func (e *endpoints) follow(addr string, send http.Handler) *endpoint {
	p := &endpoint{addr: addr, send: send, in: make(chan struct{}), gone: make(chan struct{})}
	e.wg.Go(func() { e.ask(p) }) // ends with quit, or after gone
	return p
}

// ask is the life of an endpoint. Between its process's end and the last answer's effect, it stays where it is: nobody tells
// the proxy that an instance has died, but its readiness.
func (e *endpoints) ask(p *endpoint) {
	ticker := time.NewTicker(e.every)
	defer ticker.Stop()
	ready, changes, gone := false, 0, p.gone
	for gone != nil || ready {
		if was := ready; e.ready(p.addr) != was {
			ready = !was
			changes++
			e.applyLater(p, ready, changes)
		}
		select {
		case <-e.quit:
			return
		case <-gone:
			gone = nil
		case <-ticker.C:
		}
	}
}

// applyLater does not wait. What it starts ends after the delay, and touches nothing but memory.
func (e *endpoints) applyLater(p *endpoint, ready bool, change int) {
	time.AfterFunc(e.delay, func() { e.apply(p, ready, change) })
}

func (e *endpoints) ready(addr string) bool {
	answer, err := e.probe.Get("http://" + addr + readyPath)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// apply puts an endpoint into the rotation, or takes it out.
func (e *endpoints) apply(p *endpoint, ready bool, change int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if change < p.applied {
		return // a later change came first, on a very busy machine
	}
	p.applied = change
	var rotation []*endpoint
	for _, q := range e.rotation {
		if q != p {
			rotation = append(rotation, q)
		}
	}
	if ready {
		rotation = append(rotation, p)
		if change == 1 {
			close(p.in)
		}
	}
	e.rotation = rotation
}

// pick returns the one whose turn it is, or nil if there is none.
func (e *endpoints) pick() *endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.rotation) == 0 {
		return nil
	}
	e.next++
	return e.rotation[e.next%len(e.rotation)]
}
