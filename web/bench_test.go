package web_test

import (
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

// BenchmarkRequest is what Serve and Middleware add to a request: the difference of the two, at most 200 ns and no
// allocation.
func BenchmarkRequest(b *testing.B) {
	s := &lastly.Scope{}
	wrapped := web.Middleware(s, web.Options{Reject: true})(page{})
	defer s.Close()
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"bare", page{}}, {"web", wrapped}} {
		b.Run(h.name, func(b *testing.B) {
			w, r := &nobody{http.Header{}}, httptest.NewRequest("GET", "/path", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.handler.ServeHTTP(w, r)
			}
		})
		b.Run(h.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, r := &nobody{http.Header{}}, httptest.NewRequest("GET", "/path", nil)
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
	h := web.Middleware(s, web.Options{Reject: true})(page{})
	w, r := &nobody{http.Header{}}, httptest.NewRequest("GET", "/path", nil)
	if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
