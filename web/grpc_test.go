package web_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// An rpc has the methods of a *grpc.Server, and their behaviour: Serve ends without an error when the listener is closed by
// a stop, GracefulStop waits for what is in flight, and Stop ends that wait.
type rpc struct {
	fails error         // of Serve
	busy  time.Duration // how long calls are in flight

	mu       sync.Mutex
	ln       net.Listener
	cut      chan struct{}
	graceful time.Time // when GracefulStop was called
	ended    time.Time // when it returned
	stopped  time.Time
}

func newRPC(busy time.Duration) *rpc { return &rpc{busy: busy, cut: make(chan struct{})} }

func (r *rpc) Serve(ln net.Listener) error {
	if r.fails != nil {
		_ = ln.Close() // as grpc does
		return r.fails
	}
	r.mu.Lock()
	r.ln = ln
	r.mu.Unlock()
	for {
		nc, err := ln.Accept()
		if err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.graceful.IsZero() {
				return err
			}
			return nil
		}
		_ = nc.Close()
	}
}

func (r *rpc) GracefulStop() {
	r.mu.Lock()
	r.graceful = time.Now()
	_ = r.ln.Close()
	r.mu.Unlock()
	select {
	case <-time.After(r.busy):
	case <-r.cut:
		<-time.After(rpcEnd)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = time.Now()
}

// rpcEnd is how long handlers take to hear that they were cut.
const rpcEnd = 20 * time.Millisecond

func (r *rpc) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = time.Now()
	close(r.cut)
}

// A stoppedRPC serves no more.
type stoppedRPC struct{ *rpc }

func (stoppedRPC) Serve(net.Listener) error { return nil }

// TestGRPC says that a server of RPCs has the same delay, and then GracefulStop.
func TestGRPC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		r := newRPC(3 * time.Second)
		if err := web.ServeGRPC(s, r, newMemory(), web.Options{DrainDelay: 5 * time.Second}); err != nil {
			t.Fatal(err)
		}
		if h := s.Report().Hooks[0]; h.Name != "grpc memory" || h.Note != "GracefulStop, at the deadline Stop" || !strings.Contains(h.Site, "grpc_test.go:") {
			t.Errorf("the plan has %+v", h)
		}
		began := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if after := r.graceful.Sub(began); after != 5*time.Second || !r.stopped.IsZero() {
			t.Errorf("GracefulStop after %v, Stop at %v", after, r.stopped)
		}
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("took %v", took)
		}
		if got := note(t, s, "grpc memory"); got != "GracefulStop" {
			t.Errorf("note %q", got)
		}
	})
}

// TestGRPCCut says that Stop comes before the hook would be abandoned, and is an error.
func TestGRPCCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		r := newRPC(time.Hour)
		if err := web.ServeGRPC(s, r, newMemory(), web.Options{Name: "rpc", Timeout: 10 * time.Second}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := s.Close()
		var late *lastly.TimeoutError
		if err == nil || !strings.Contains(err.Error(), `"rpc": GracefulStop had not ended after 9.5s`) || errors.As(err, &late) {
			t.Errorf("got %v", err)
		}
		if after := r.stopped.Sub(began); after != 9500*time.Millisecond || r.ended.Sub(r.stopped) != rpcEnd {
			t.Errorf("Stop after %v, GracefulStop ended at %v", after, r.ended)
		}
		if got := note(t, s, "rpc"); got != "GracefulStop did not end in time; Stop" {
			t.Errorf("note %q", got)
		}
	})
}

// TestGRPCFails says that a server which can't serve is refused, and one that fails later closes its scope.
func TestGRPCFails(t *testing.T) {
	broken := errors.New("broken")
	r := newRPC(0)
	r.fails = broken
	s := &lastly.Scope{}
	kept := newMemory()
	if err := web.ServeGRPC(s, r, kept, web.Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	select {
	case <-kept.done:
		t.Error("the listener was closed")
	default:
	}
	gone := loopback(t)
	_ = gone.Close()
	if err := web.ServeGRPC(s, newRPC(0), gone, web.Options{}); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "nobody has closed") {
		t.Errorf("a closed listener was taken: %v", err)
	}
	if err := web.ServeGRPC(s, stoppedRPC{newRPC(0)}, newMemory(), web.Options{}); err == nil || !strings.Contains(err.Error(), "make a new one") {
		t.Errorf("a server that had been stopped was served: %v", err)
	}
	if err := web.ServeGRPC(s, nil, newMemory(), web.Options{}); err == nil {
		t.Error("nil was served")
	}
	if err := web.ServeGRPC(s, newRPC(0), nil, web.Options{}); err == nil {
		t.Error("it was served on nothing")
	}
	if err := web.ServeGRPC(s, newRPC(0), newMemory(), web.Options{Timeout: -1}); err == nil {
		t.Error("a negative Timeout was taken")
	}
	if n := len(s.Report().Hooks); n != 0 {
		t.Errorf("%d hooks were registered", n)
	}
	m := newMemory()
	if err := web.ServeGRPC(s, newRPC(0), m, web.Options{}); err != nil {
		t.Fatal(err)
	}
	_ = m.Close()
	<-s.Closed()
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := web.ServeGRPC(s, newRPC(0), newMemory(), web.Options{}); !errors.Is(err, lastly.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestGRPCStoppedByHand says that a server which somebody stopped has ended, and is no failure.
func TestGRPCStoppedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		r := newRPC(0)
		if err := web.ServeGRPC(s, r, newMemory(), web.Options{DrainDelay: time.Hour}); err != nil {
			t.Fatal(err)
		}
		r.GracefulStop()
		synctest.Wait()
		if err := s.Context().Err(); err != nil {
			t.Errorf("it closed its scope: %v", err)
		}
		began := time.Now()
		if err := s.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
