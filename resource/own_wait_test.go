package resource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// TestOwnFollows: what ends after the method has returned is awaited.
func TestOwnFollows(t *testing.T) {
	t.Parallel()
	for name, double := range map[string]func(over chan struct{}, ctx context.Context) any{
		"context":  func(_ chan struct{}, ctx context.Context) any { return &cron{ctx} },
		"channel":  func(over chan struct{}, _ context.Context) any { return &channel{over} },
		"consumer": func(over chan struct{}, _ context.Context) any { return &consumer{over} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var s lastly.Scope
				resource.Own(&s, "it", double(over, ctx))
				time.AfterFunc(3*time.Second, func() { close(over); cancel() })
				began := time.Now()
				if err := s.Close(); err != nil || time.Since(began) != 3*time.Second {
					t.Errorf("closed after %v with %v, want 3s", time.Since(began), err)
				}
			})
		})
	}
}

// nats is a connection whose Drain returns when it has begun.
type nats struct {
	called
	takes  time.Duration
	closed atomic.Bool
	last   error
	after  error
}

func (n *nats) Drain() error {
	n.add("Drain")
	time.AfterFunc(n.takes, func() { n.closed.Store(true) })
	if n.after != nil {
		n.last = n.after
	}
	return nil
}
func (n *nats) IsClosed() bool   { return n.closed.Load() }
func (n *nats) Close()           { n.add("Close"); n.closed.Store(true) }
func (n *nats) Flush() error     { n.add("Flush"); return nil }
func (n *nats) LastError() error { return n.last }

// TestOwnDrain: NATS' Drain is followed until the connection is closed, and closed at the deadline, which is no success.
func TestOwnDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		n := &nats{takes: 3 * time.Second, last: errors.New("a slow consumer, long ago")}
		resource.Own(&s, "nats", n)
		if note := s.Report().Hooks[0].Note; note != "Drain until IsClosed, at the deadline Close" {
			t.Errorf("note %q", note)
		}
		began := time.Now()
		err := s.Close()
		if took := time.Since(began); err != nil || took < 3*time.Second || took > 3*time.Second+20*time.Millisecond || fmt.Sprint(n.names) != "[Drain]" {
			t.Errorf("closed after %v with %v, called %q", took, err, n.names)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		n := &nats{takes: time.Minute}
		resource.Own(&s, "nats", n)
		began := time.Now()
		err := s.Close()
		_, timedOut := errors.AsType[*lastly.TimeoutError](err)
		if took := time.Since(began); !timedOut || took != 10*time.Second || fmt.Sprint(n.names) != "[Drain Close]" {
			t.Errorf("closed after %v with %v, called %q", took, err, n.names)
		}
		time.Sleep(time.Minute) // the double's timer
	})
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		n := &nats{after: errors.New("draining connection timed out")}
		resource.Own(&s, "nats", n)
		if err := s.Close(); !errors.Is(err, n.after) {
			t.Errorf("closed with %v, want what LastError tells", err)
		}
	})
	var s lastly.Scope
	n := &nats{}
	resource.Own(&s, "nats", n)
	n.closed.Store(true)
	if err := s.Close(); err != nil || len(n.names) > 0 {
		t.Errorf("one that is closed already: %v, called %q", err, n.names)
	}
}

// subscription ends by becoming invalid.
type subscription struct{ invalid atomic.Bool }

func (s *subscription) Drain() error {
	time.AfterFunc(time.Second, func() { s.invalid.Store(true) })
	return nil
}
func (s *subscription) IsValid() bool { return !s.invalid.Load() }

func TestOwnDrainSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s lastly.Scope
		x := new(subscription)
		resource.Own(&s, "subscription", x)
		if err := s.Close(); err != nil || x.IsValid() {
			t.Errorf("closed with %v while it drained", err)
		}
	})
}

// server is one whose gentle end takes until it is forced, and a while longer.
type server struct{ stop, over chan struct{} }

func newServer() *server { return &server{make(chan struct{}), make(chan struct{})} }

func (s *server) force() {
	close(s.stop)
	time.AfterFunc(200*time.Millisecond, func() { close(s.over) })
}

var errGentle, errBlunt = errors.New("shutdown: broken"), errors.New("close: broken")

type (
	grpcServer struct{ *server } // Stop returns at once, GracefulStop later
	webServer  struct{ *server } // its Shutdown returns when its context ends
	deaf       struct{ *server } // its Shutdown has no context
)

func (g grpcServer) GracefulStop() { <-g.over }
func (g grpcServer) Stop()         { g.force() }

func (w webServer) Shutdown(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("web: %w", ctx.Err())
}
func (w webServer) Close() error { w.force(); <-w.over; return errBlunt }

func (d deaf) Shutdown() error { <-d.over; return errGentle }
func (d deaf) Close() error    { d.force(); return errBlunt }

// TestOwnForced: at the deadline the blunt method is called, both are awaited, and it is a timeout that keeps their errors.
func TestOwnForced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		double func(*server) any
		errs   []error
	}{
		"grpc": {func(s *server) any { return grpcServer{s} }, nil},
		"web":  {func(s *server) any { return webServer{s} }, []error{errBlunt}},
		"deaf": {func(s *server) any { return deaf{s} }, []error{errGentle, errBlunt}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s lastly.Scope
				resource.Own(&s, name, c.double(newServer()))
				began := time.Now()
				err := s.Close()
				over, timedOut := errors.AsType[*lastly.TimeoutError](err)
				if took := time.Since(began); !timedOut || took != 10*time.Second+200*time.Millisecond || len(over.Stack) > 0 {
					t.Errorf("closed after %v with %v", took, err)
				}
				for _, want := range c.errs {
					if !errors.Is(err, want) {
						t.Errorf("%v lacks %q", err, want)
					}
				}
			})
		})
	}
}

// impatient gives up by itself, before the hook's deadline.
type impatient struct{ called }

func (i *impatient) Shutdown(context.Context) error { return context.DeadlineExceeded }
func (i *impatient) Close() error                   { i.add("Close"); return nil }

func TestOwnForcedEarly(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	x := new(impatient)
	resource.Own(&s, "it", x)
	if err := s.Close(); !errors.Is(err, context.DeadlineExceeded) || len(x.names) != 1 {
		t.Errorf("closed with %v, called %q", err, x.names)
	}
}

type panics struct{}

func (p *panics) Shutdown() error { panic("at the disco") }
func (p *panics) Close() error    { return nil }

// TestOwnPanic: a panic of a method that runs in a goroutine of Own's is the hook's.
func TestOwnPanic(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	resource.Own(&s, "it", new(panics))
	p, ok := errors.AsType[*lastly.PanicError](s.Close())
	if !ok || p.Value != "at the disco" || !bytes.Contains(p.Stack, []byte("panics).Shutdown")) {
		t.Errorf("got %v", p)
	}
}
