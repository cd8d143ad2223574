package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// A proxy forwards every request to one of the endpoints, in turn, and keeps its connections to them alive.
//
// It sends a request once. Real ones differ: nginx tries the next instance when a connection is refused, and
// httputil.ReverseProxy on a plain http.Transport sends GETs again. None of them may send a POST again that an instance might
// have begun.
type proxy struct {
	*endpoints
	server    http.Server
	listener  net.Listener
	transport once
	served    chan struct{} // closed when the server has ended
}

// newProxy starts a proxy. Its clients are at most so many at a time.
func newProxy(clients int, every, delay time.Duration) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{
		endpoints: newEndpoints(every, delay),
		listener:  ln,
		transport: newOnce(clients),
		served:    make(chan struct{}),
	}
	p.server.Handler = http.HandlerFunc(p.forward)
	p.server.ErrorLog = log.New(io.Discard, "", 0)
	go func() { // ends when close closes the server
		defer close(p.served)
		_ = p.server.Serve(ln)
	}()
	return p, nil
}

// close ends everything that the proxy has started. No request is under way any more.
func (p *proxy) close() {
	_ = p.server.Close()
	<-p.served
	p.endpoints.close()
	p.transport.CloseIdleConnections()
}

func (p *proxy) forward(w http.ResponseWriter, r *http.Request) {
	to := p.pick()
	if to == nil {
		http.Error(w, "no instance is ready", http.StatusServiceUnavailable)
		return
	}
	to.send.ServeHTTP(w, r)
}

// to makes the handler that forwards to one instance.
func (p *proxy) to(addr string) http.Handler {
	target := &url.URL{Scheme: "http", Host: addr}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: p.transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set(lossHeader, string(lossOf(err)))
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}
