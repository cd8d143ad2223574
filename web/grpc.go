package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// A GRPCServer is what ServeGRPC serves: a *grpc.Server of google.golang.org/grpc has these methods.
type GRPCServer interface {
	Serve(ln net.Listener) error // returns when GracefulStop or Stop was called
	GracefulStop()               // accepts nothing new, and returns when what is in flight has ended
	Stop()                       // cuts what is in flight; GracefulStop returns then
}

// ServeGRPC is Serve for a *grpc.Server, or whatever has its methods: it serves on ln and returns as soon as it does. The
// same drain delay comes first, while readiness fails and the server still serves; then GracefulStop; when the time is
// over, Stop, which is an error. Both are awaited. The requests are the server's own matter: they are not counted, Reject
// does not apply, and Draining knows nothing of them.
//
// It is an error if srv or ln is nil, if Options make no sense, or if s, or a scope that contains it, closes or is closed:
// then it wraps lastly.ErrClosing. After an error nothing is registered, and ln is still the caller's. A server that fails
// later closes s, as a Go that fails does. ServeGRPC may be called from anywhere, as Serve.
func ServeGRPC(s *lastly.Scope, srv GRPCServer, ln net.Listener, o Options) error {
	if ln == nil {
		return serveError("", errors.New("the listener is nil; pass one of net.Listen"))
	}
	on := ln.Addr().String()
	set, err := o.resolve()
	if err != nil {
		return serveError(on, err)
	}
	if srv == nil {
		return serveError(on, errors.New("the server is nil; pass a *grpc.Server"))
	}
	c := closingOf(s)
	if err := c.refuse(s); err != nil {
		return serveError(on, err)
	}
	set.Name = cmp.Or(o.Name, "grpc "+on)
	g := &rpcServer{s: s, srv: srv, site: callSite(), set: set, closing: c, served: make(chan struct{})}
	if err := g.start(ln); err != nil {
		return serveError(on, err)
	}
	seam.OfLastly.RegisterAt(s, lastly.Hook{
		Name: set.Name, Uses: usesOf(s, &o, ln), Timeout: set.timeout(), Run: g.run, Note: g.note,
	}, g.site)
	return nil
}

// An rpcServer is one gRPC server from ServeGRPC to its end.
type rpcServer struct {
	s       *lastly.Scope
	srv     GRPCServer
	site    uintptr // of the call of ServeGRPC
	set     settings
	closing *closing
	debut   debut
	on      string
	served  chan struct{} // closed when Serve has returned
	endErr  error         // of Serve; readable when served is closed
	ending  atomic.Bool   // it is meant to end
	forced  atomic.Bool
	stopped atomic.Bool
}

// start serves, and returns when connections are waited for.
func (g *rpcServer) start(ln net.Listener) error {
	if isClosed(ln) {
		return closedError(net.ErrClosed)
	}
	g.on = ln.Addr().String()
	first := newListener(ln, nil)
	go func() { // ends with Stop
		g.endErr = g.srv.Serve(first)
		early := g.debut.ends()
		close(g.served)
		if !early {
			g.failed()
		}
	}()
	if g.debut.await(first.accepting, g.served) {
		g.closing.watch()
		return nil
	}
	if g.endErr == nil {
		return errors.New("the server returned at once: it was stopped before; make a new one")
	}
	return g.endErr
}

// failed makes an end that nobody asked for the failure of a Go. A server that somebody stopped has returned nil.
func (g *rpcServer) failed() {
	if g.ending.Load() || g.endErr == nil {
		return
	}
	failGo(g.s, g.set.Name, serveError(g.on, g.endErr), g.site)
}

func (g *rpcServer) note() string {
	switch {
	case g.forced.Load():
		return "GracefulStop did not end in time; Stop"
	case g.stopped.Load():
		return "GracefulStop"
	}
	return "GracefulStop, at the deadline Stop"
}

// run is the hook.
func (g *rpcServer) run(ctx context.Context) error {
	defer g.closing.unwatch()
	p := makePlan(ctx, g.closing, &g.set)
	linger(ctx, p, g.served)
	g.ending.Store(true)
	graceful := make(chan struct{})
	go func() { // ends when everything in flight has, or with Stop
		g.srv.GracefulStop()
		close(graceful)
	}()
	timer := time.NewTimer(time.Until(p.force))
	defer timer.Stop()
	select {
	case <-graceful:
		<-g.served // Serve returns when its listener is closed
		g.stopped.Store(true)
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	g.forced.Store(true)
	after := time.Since(p.began)
	g.srv.Stop()
	<-graceful
	<-g.served // not bounded here: the flow gives this hook up when it takes too long
	return fmt.Errorf("lastly: drain: %s: GracefulStop had not ended after %v, so Stop cut what was in flight; end streams sooner, or raise Options.Timeout, and the grace with it",
		strconv.Quote(g.set.Name), after.Round(time.Millisecond))
}
