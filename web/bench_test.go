package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// page is a handler that does next to nothing.
type page struct{}

var body = []byte("hello")

func (page) ServeHTTP(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }

// nobody takes an answer without making anything.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n *nobody) WriteHeader(int)             {}

// served is a handler as Serve has it, and a request as net/http would give it.
func served(tb testing.TB, s *lastly.Scope, h http.Handler) (http.Handler, *http.Request) {
	tb.Helper()
	srv, m := &http.Server{Handler: h}, newMemory()
	if err := web.Serve(s, srv, m, web.Options{Reject: true}); err != nil {
		tb.Fatal(err)
	}
	nc, _ := net.Pipe()
	tb.Cleanup(func() { _ = nc.Close() })
	ctx := context.WithValue(srv.BaseContext(m), http.ServerContextKey, srv)
	ctx = context.WithValue(srv.ConnContext(ctx, nc), http.LocalAddrContextKey, m.Addr())
	for range 2 { // the connection's, the request's
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		tb.Cleanup(cancel)
	}
	return srv.Handler, httptest.NewRequestWithContext(ctx, "GET", "/path", nil)
}

// BenchmarkRequest is what Serve and Middleware add to a request: the difference to the bare handler, at most 200 ns and
// no allocation.
func BenchmarkRequest(b *testing.B) {
	s := &lastly.Scope{}
	defer s.Close()
	full, request := served(b, s, page{})
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"bare", page{}}, {"Serve", full}, {"Middleware", web.Middleware(s, web.Options{Reject: true})(page{})}} {
		b.Run(h.name, func(b *testing.B) {
			w := &nobody{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.handler.ServeHTTP(w, request)
			}
		})
		b.Run(h.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, r := &nobody{http.Header{}}, request
				if h.name == "Serve" {
					_, r = served(b, s, page{}) // each on a connection of its own
				}
				for pb.Next() {
					h.handler.ServeHTTP(w, r)
				}
			})
		})
	}
}

// TestNoAllocations says that a request costs the collector nothing.
func TestNoAllocations(t *testing.T) {
	if raceOn {
		t.Skip("the race detector makes pools forget")
	}
	s := &lastly.Scope{}
	full, r := served(t, s, page{})
	w := &nobody{http.Header{}}
	for _, h := range []http.Handler{full, web.Middleware(s, web.Options{Reject: true})(page{})} {
		if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n != 0 {
			t.Errorf("%v allocations a request", n)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
