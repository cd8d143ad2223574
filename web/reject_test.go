package web_test

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// TestReject says that a server which was asked to turns new requests away from the beginning of the closing on, but not
// the probes.
func TestReject(t *testing.T) {
	for _, test := range []struct {
		retry time.Duration
		want  string
	}{{0, "1"}, {2500 * time.Millisecond, "3"}, {-1, ""}, {math.MaxInt64, "9223372037"}} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			mux := http.NewServeMux()
			mux.Handle("/ready", web.Ready(s))
			mux.Handle("/live", web.Live())
			mux.Handle("/", hello())
			mux.Handle("/slow", slow(2*time.Second))
			m := serve(t, s, mux, web.Options{Name: "api", DrainDelay: time.Second, Reject: true, RetryAfter: test.retry})
			c := m.client(t)
			if a := ask(c, "/"); a.code != 200 {
				t.Errorf("before: %+v", a)
			}
			inFlight := make(chan answer, 1)
			go func() { inFlight <- ask(c, "/slow") }()
			synctest.Wait()
			closed := closing(s)
			synctest.Wait()
			a := ask(c, "/")
			if a.code != 503 || !a.close || a.header.Get("Retry-After") != test.want || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("closing: %+v", a)
			}
			if a := ask(c, "/live"); a.code != 200 {
				t.Errorf("liveness: %+v", a)
			}
			if a := ask(c, "/ready"); a.code != 503 || a.body != "closing\n" {
				t.Errorf("readiness: %+v", a)
			}
			if a := <-inFlight; a.code != 200 {
				t.Errorf("in flight before: %+v", a)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
			if got := note(t, s, "api"); got != "served 4, drained 1, cut 0, rejected 1" {
				t.Errorf("note %q", got)
			}
		})
	}
}

// TestMiddleware says what a router without Serve has of it: rejection of new work on some routes, Connection: close, and
// an end that waits for what is in flight.
func TestMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		reject := web.Middleware(s, web.Options{Name: "jobs", Reject: true, RetryAfter: 3 * time.Second})
		count := web.Middleware(s, web.Options{})
		jobs, pages := count(reject(slow(4*time.Second))), count(hello())
		first := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			jobs.ServeHTTP(first, httptest.NewRequest("POST", "/jobs", nil))
			close(done)
		}()
		synctest.Wait()
		closed := closing(s)
		synctest.Wait()
		w := httptest.NewRecorder()
		jobs.ServeHTTP(w, httptest.NewRequest("POST", "/jobs", nil))
		if w.Code != 503 || w.Header().Get("Retry-After") != "3" || w.Header().Get("Connection") != "close" {
			t.Errorf("new work: %d %v", w.Code, w.Header())
		}
		w = httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 200 || w.Header().Get("Connection") != "close" {
			t.Errorf("a page: %d %v", w.Code, w.Header())
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		<-done
		if first.Body.String() != "slow" {
			t.Errorf("what was in flight got %q", first.Body)
		}
		if took := s.Report().Duration; took != 4*time.Second {
			t.Errorf("took %v", took)
		}
		if got := note(t, s, "jobs"); got != "served 1, drained 0, cut 0, rejected 1" {
			t.Errorf("note of jobs: %q", got)
		}
		if got := note(t, s, "http requests"); got != "served 3, drained 3, cut 0" {
			t.Errorf("note of all: %q", got)
		}
	})
}

// TestMiddlewareUpgrade says that the header of a request for another protocol is left to its handler. Java's client offers HTTP/2
// with every request, and hears of the end nevertheless.
func TestMiddlewareUpgrade(t *testing.T) {
	s := &lastly.Scope{}
	h := web.Middleware(s, web.Options{})(hello())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"websocket": "", "h2c": "close"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", to)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Connection"); got != want {
			t.Errorf("%s: Connection: %q, want %q", to, got, want)
		}
	}
}

// TestMiddlewareTimeout says that requests which do not end are named.
func TestMiddlewareTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		h := web.Middleware(s, web.Options{Timeout: 3 * time.Second})(slow(time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		for _, path := range []string{"/1", "/2", "/3", "/4", "/5", "/6", "/7"} {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", path, nil))
		}
		synctest.Wait()
		err := s.Close()
		if err == nil || !strings.Contains(err.Error(), `7 requests are still in flight after`) || !strings.Contains(err.Error(), "and 2 more") {
			t.Errorf("got %v", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestMiddlewarePanics(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "Timeout") {
			t.Errorf("got %q", text)
		}
	}()
	web.Middleware(&lastly.Scope{}, web.Options{Timeout: -1})
}
