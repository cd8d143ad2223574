package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// Serve serves srv on ln, or on srv.Addr if ln is nil, and returns as soon as it does. The server is a hook of s: its end
// is the flow that the package's documentation draws. A server that fails later closes s, as a Go that fails does: the
// process scope's close is the exit flow.
//
// If srv.TLSConfig has certificates (or a function that gets them), Serve serves TLS as ServeTLS with empty file names
// does, unless ln comes from tls.NewListener. Serve puts its own functions before srv's Handler, BaseContext, ConnContext
// and ConnState, which are called as ever; don't change these fields afterwards, and leave Shutdown and Close to the
// scope: a srv that somebody shut down has ended, and is no failure.
//
// It is an error if srv is nil or was served before, if the address can't be listened on, if Options make no sense, or if
// s, or a scope that contains it, closes or is closed: then it wraps lastly.ErrClosing. After an error nothing is
// registered, srv is as it was, and ln is still the caller's. Serve may be called from anywhere; once its scope closes, so in
// a hook, it is refused.
func Serve(s *lastly.Scope, srv *http.Server, ln net.Listener, o Options) error {
	set, err := o.resolve()
	if err != nil {
		return serveError(address(srv, ln), err)
	}
	c := closingOf(s)
	if err := c.refuse(s); err != nil {
		return serveError(address(srv, ln), err)
	}
	if srv == nil {
		return serveError(address(srv, ln), errors.New("the server is nil; pass a *http.Server"))
	}
	if h, ok := srv.Handler.(*tracked); ok && h.served {
		return serveError(address(srv, ln), errors.New("this http.Server was served before; make one for each call"))
	}
	v := &server{s: s, http: srv, site: callSite(), closing: c, set: set, drain: make(chan struct{}), served: make(chan struct{})}
	own := ln == nil
	if own {
		if ln, err = net.Listen("tcp", listenAddress(srv)); err != nil {
			return serveError(address(srv, nil), fmt.Errorf("%w; take another address, or end what holds this one", err))
		}
	}
	v.set.Name = cmp.Or(o.Name, "http "+ln.Addr().String())
	if err := v.start(ln); err != nil {
		if own {
			_ = ln.Close()
		}
		return serveError(ln.Addr().String(), err)
	}
	seam.OfLastly.RegisterAt(s, lastly.Hook{
		Name: v.set.Name, Uses: usesOf(s, &o, ln), Timeout: v.set.timeout(), Run: v.run, Note: v.note,
	}, v.site)
	return nil
}

func serveError(on string, err error) error {
	if on == "" {
		return fmt.Errorf("lastly: serve: %w", err)
	}
	return fmt.Errorf("lastly: serve: on %s: %w", on, err)
}

func address(srv *http.Server, ln net.Listener) string {
	switch {
	case ln != nil:
		return ln.Addr().String()
	case srv != nil:
		return listenAddress(srv)
	}
	return ""
}

// listenAddress is what net/http listens on.
func listenAddress(srv *http.Server) string {
	switch {
	case srv.Addr != "":
		return srv.Addr
	case hasCertificates(srv):
		return ":https"
	}
	return ":http"
}

func hasCertificates(srv *http.Server) bool {
	c := srv.TLSConfig
	return c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil)
}

// callSite is where the exported function that calls it was called.
func callSite() uintptr {
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	return pcs[0]
}

// A server is one http.Server from Serve to its end.
type server struct {
	s       *lastly.Scope
	http    *http.Server
	site    uintptr // of the call of Serve
	set     settings
	closing *closing
	tracker *tracker
	ln      *listener
	inner   net.Listener // as the user knows it

	cancel context.CancelCauseFunc // ends the contexts of all requests
	drain  chan struct{}           // closed when the drain begins
	served chan struct{}           // closed when the loop of Accept has ended

	debut  debut
	open   atomic.Int64 // connections that net/http has
	ending atomic.Bool  // it is meant to end
	endErr error        // of the loop; readable when served is closed

	foreign sync.Map // net.Conn to *cell, of connections that can't be wrapped

	cut atomic.Int64 // requests and connections that were cut; final when the hook has returned
}

// serverKey finds the server in the context of its requests.
type serverKey struct{}

// Draining returns a channel that is closed when the server of a request begins to drain: when its drain delay is over.
// Handlers that go on for as long as the client wants (WebSockets, events, long polls) send their last words then and
// return. ctx is the request's context, or one made from it. Without Serve there is no such moment, and the channel is
// nil, which a select never chooses.
func Draining(ctx context.Context) <-chan struct{} {
	if v, ok := ctx.Value(serverKey{}).(*server); ok {
		return v.drain
	}
	return nil
}

// A debut decides whether a server that ends has ever served. If it has not, start returns why, and nobody else tells.
type debut struct{ decided atomic.Bool }

// ends reports whether the server ended before anybody knew that it serves.
func (d *debut) ends() bool { return d.decided.CompareAndSwap(false, true) }

// await returns whether the server serves, as soon as that is known; if not, it has ended.
func (d *debut) await(accepting, served <-chan struct{}) bool {
	select {
	case <-accepting:
	case <-served:
	}
	if d.decided.CompareAndSwap(false, true) {
		return true
	}
	<-served
	return false
}

// start serves, and returns when connections are waited for.
func (v *server) start(ln net.Listener) error {
	if isClosed(ln) { // Accept would say so too, but maybe a moment too late
		return closedError(net.ErrClosed)
	}
	undo := v.wrap(ln)
	serve := v.http.Serve
	if hasCertificates(v.http) && reflect.TypeOf(ln) != reflect.TypeOf(tls.NewListener(nil, nil)) {
		serve = func(l net.Listener) error { return v.http.ServeTLS(l, "", "") }
	}
	v.closing.watch()
	go func() { // ends with the listener
		v.endErr = serve(v.ln)
		early := v.debut.ends()
		close(v.served)
		if !early {
			v.failed(v.endErr)
		}
	}()
	if v.debut.await(v.ln.accepting, v.served) {
		return nil
	}
	v.closing.unwatch()
	v.cancel(nil)
	undo()
	switch {
	case errors.Is(v.endErr, http.ErrServerClosed):
		return fmt.Errorf("%w: this http.Server was shut down before; make a new one", v.endErr)
	case goneByClose(v.endErr):
		return closedError(v.endErr)
	}
	return v.endErr
}

func closedError(err error) error {
	return fmt.Errorf("%w: pass a listener that nobody has closed", err)
}

// failed makes an end that nobody asked for the failure of a Go.
func (v *server) failed(err error) {
	if v.ending.Load() || errors.Is(err, http.ErrServerClosed) {
		return
	}
	if goneByClose(err) {
		err = fmt.Errorf("%w: somebody closed the listener while the server was serving; if it was a hook, name that in the Options' Uses", err)
		if v.closing.hasBegun() {
			err = fmt.Errorf("%w (or the process stood still for longer than its end may take)", err)
		}
	}
	err = fmt.Errorf("lastly: serve: on %s: %w", v.inner.Addr(), err)
	failGo(v.s, v.set.Name, err, v.site)
}

// failGo is a Go of s that fails: so s closes, and its cause is err.
func failGo(s *lastly.Scope, name string, err error, site uintptr) {
	seam.OfLastly.GoAt(s, lastly.Hook{Name: name, Uses: lastly.Nothing, Run: func(context.Context) error { return err }}, site)
}

// wrap puts what the exit flow needs before the functions of the user's server.
func (v *server) wrap(ln net.Listener) (undo func()) {
	h := v.http
	handler, base, perConn, state := h.Handler, h.BaseContext, h.ConnContext, h.ConnState
	v.tracker = newTracker(v.closing, &v.set.Options)
	v.tracker.cells = true
	v.inner, v.ln = ln, newListener(ln, v.tracker)

	root := context.Background()
	if base != nil {
		root = base(ln)
	}
	root, v.cancel = context.WithCancelCause(context.WithValue(root, serverKey{}, v))
	next := handler
	if next == nil {
		next = http.DefaultServeMux
	}
	h.Handler = &tracked{v.tracker, next, true}
	h.BaseContext = func(net.Listener) context.Context { return root }
	h.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		ctx = context.WithValue(ctx, cellKey{}, v.cellOf(nc))
		if perConn != nil {
			ctx = perConn(ctx, bare(nc))
		}
		return ctx
	}
	h.ConnState = func(nc net.Conn, st http.ConnState) {
		v.noteState(nc, st)
		if state != nil {
			state(bare(nc), st)
		}
	}
	return func() { h.Handler, h.BaseContext, h.ConnContext, h.ConnState = handler, base, perConn, state }
}

// cellOf is a connection's cell. Those that can't be wrapped have theirs in a map until they end.
func (v *server) cellOf(nc net.Conn) *cell {
	if c := undress(nc); c != nil {
		return &c.cell
	}
	of, _ := v.foreign.LoadOrStore(nc, new(cell))
	return of.(*cell)
}

// noteState hears of every connection's life, in order.
func (v *server) noteState(nc net.Conn, st http.ConnState) {
	switch st {
	case http.StateNew:
		v.open.Add(1)
	case http.StateActive:
		if c := undress(nc); c != nil {
			if c.cell.phase.Swap(phaseBusy) == phaseUnused {
				v.tracker.wake()
			}
		}
	case http.StateIdle:
		if c := undress(nc); c != nil {
			c.cell.phase.Store(phaseIdle)
		}
	case http.StateHijacked: // from here on net/http does not know it
		title := markTaken(v.cellOf(nc), nc)
		if c := undress(nc); c != nil {
			c.take(title)
		}
		v.gone(nc)
	case http.StateClosed:
		v.gone(nc)
	}
}

// gone notes that net/http has done with a connection.
func (v *server) gone(nc net.Conn) {
	v.foreign.Delete(nc)
	if v.open.Add(-1) == 0 {
		v.tracker.wake()
	}
}

func (v *server) note() string { return v.tracker.note(v.cut.Load()) }
