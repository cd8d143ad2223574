package main

import (
	"testing"
	"time"
)

// TestSharedPort wants no figure: what waits in the queue of a listener is up to the kernel and the load.
func TestSharedPort(t *testing.T) {
	s := small()
	s.requests, s.restarts, s.drain = 400, 2, 300*time.Millisecond
	for _, name := range []string{"SO_REUSEPORT, lastly's web.Serve", "SO_REUSEPORT, full queues, lastly's web.Serve"} {
		t.Run(name, func(t *testing.T) {
			if r := try(t, s, name); r.Restarts != 2 || r.Lost[refused]+r.Lost[turned]+r.Lost[other] != 0 {
				t.Errorf("got %+v, want 2 restarts, and nothing lost but connections", r)
			}
		})
	}
}
