package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// TestBudget is conformance 84 by the clock: contexts end a second before the time is over, connections are closed half
// a second later, and the hook returns before it would be abandoned.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		var began time.Time
		var contextEnded, handlerCut atomic.Int64
		mux := http.NewServeMux()
		mux.HandleFunc("/polite", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			contextEnded.Store(int64(time.Since(began)))
		})
		mux.HandleFunc("/rude", func(w http.ResponseWriter, _ *http.Request) {
			for { // until the connection is closed
				if _, err := io.WriteString(w, "x"); err != nil || http.NewResponseController(w).Flush() != nil {
					handlerCut.Store(int64(time.Since(began)))
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
		m := serve(t, s, mux, web.Options{Name: "api", Timeout: 20 * time.Second})
		c := m.client(t)
		var group sync.WaitGroup
		for _, path := range []string{"/polite", "/rude", "/rude"} {
			group.Go(func() { ask(c, path) })
		}
		synctest.Wait()
		began = time.Now()
		err := s.Close()
		took := time.Since(began)
		group.Wait()
		var cut *web.CutError
		if !errors.As(err, &cut) || cut.Cut != 3 || cut.Running != 0 || cut.Server != "api" {
			t.Errorf("got %v", err)
		} else if text := err.Error(); !strings.Contains(text, `cut 3 in flight`) || strings.Count(text, `GET "/rude"`) != 2 || !strings.Contains(text, "Options.Timeout") {
			t.Errorf("the error tells too little: %v", text)
		}
		if after := time.Duration(contextEnded.Load()); after != 19*time.Second {
			t.Errorf("contexts ended after %v", after)
		}
		if after := time.Duration(handlerCut.Load()); after < 19500*time.Millisecond || after > 19600*time.Millisecond {
			t.Errorf("connections were closed after %v", after)
		}
		if took > 19750*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if got := note(t, s, "api"); got != "served 0, drained 0, cut 3" {
			t.Errorf("note %q", got)
		}
	})
}

// TestUnsentAnswer says that an answer which its client does not take is cut, and not served, though its handler has
// returned; so is one that net/http keeps back because the request has not come to its end.
func TestUnsentAnswer(t *testing.T) {
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := serve(t, s, hello(), web.Options{Name: "api"})
			for range 2 {
				if _, err := io.WriteString(m.connect(t), request); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			var cut *web.CutError
			if err := s.Close(); !errors.As(err, &cut) || cut.Cut != 2 || cut.Running != 0 {
				t.Errorf("%.4s: got %v", request, err)
			}
			if got := note(t, s, "api"); got != "served 0, drained 0, cut 2" {
				t.Errorf("%.4s: note %q", request, got)
			}
		})
	}
}

// TestShutdownByHandler is a handler that waits for the close which waits for it: it is cut, in time, and so says the error.
func TestShutdownByHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		result := make(chan error, 1)
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { result <- s.Shutdown(r.Context()) })
		m := serve(t, s, h, web.Options{Name: "api", Timeout: 3 * time.Second})
		go ask(m.client(t), "/quit")
		err := <-result
		var cut *web.CutError
		if !errors.As(err, &cut) || cut.What[0] != `GET "/quit"` {
			t.Errorf("got %v", err)
		}
		for _, h := range s.Report().Hooks {
			if h.Outcome != lastly.OutcomeFailed {
				t.Errorf("%s: %s: %v", h.Name, h.Outcome, h.Err)
			}
		}
	})
}

// TestReturnsWhenDrained is conformance 83(b): the end of what is in flight is the end of the drain.
func TestReturnsWhenDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		m := serve(t, s, slow(7*time.Second), web.Options{Name: "api"})
		c := m.client(t)
		answers := make(chan answer, 2)
		for range cap(answers) {
			go func() { answers <- ask(c, "/") }()
		}
		synctest.Wait()
		if got := note(t, s, "api"); got != "served 0, in flight 2" {
			t.Errorf("the plan's note is %q", got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := s.Report().Duration; took != 7*time.Second {
			t.Errorf("took %v", took)
		}
		for range cap(answers) {
			if a := <-answers; a.code != 200 || a.body != "slow" || !a.close {
				t.Errorf("got %+v", a)
			}
		}
		if got := note(t, s, "api"); got != "served 2, drained 2, cut 0" {
			t.Errorf("note %q", got)
		}
	})
}

// TestIdleConnections says that connections on which nothing is under way hold up nothing for long, used or not. Conformance 82.
func TestIdleConnections(t *testing.T) {
	for _, test := range []struct {
		unused int // as browsers have them
		age    time.Duration
		want   time.Duration
	}{{0, 0, 0}, {3, 2 * time.Second, 0}, {3, 600 * time.Millisecond, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := serve(t, s, hello(), web.Options{Name: "api"})
			for range test.unused {
				m.connect(t)
			}
			if a := ask(m.client(t), "/"); a.code != 200 {
				t.Errorf("got %+v", a)
			}
			time.Sleep(test.age)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if took := s.Report().Duration; took != test.want {
				t.Errorf("%d unused ones of %v: took %v, want %v", test.unused, test.age, took, test.want)
			}
		})
	}
}

// TestUnusedConnectionServed says that a connection which was made, and not used so far, is still given its answer after
// the listener is closed.
func TestUnusedConnectionServed(t *testing.T) {
	for _, late := range []time.Duration{lastCall / 2, 2 * lastCall, 8 * lastCall} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := serve(t, s, hello(), web.Options{DrainDelay: time.Second})
			closed := closing(s)
			time.Sleep(time.Second - lastCall)
			nc := m.connect(t)
			time.Sleep(lastCall + late)
			if _, err := m.dial(t.Context(), "", ""); err == nil {
				t.Error("it still listens")
			}
			if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: memory\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(nc)
			if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(string(text), "hello") {
				t.Errorf("after %v: got %q, %v", late, text, err)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEventsSayGoodbye says that a stream of events is told when the drain begins, not when the delay does.
func TestEventsSayGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		var began time.Time
		events := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for n := range 1000 {
				select {
				case <-time.After(time.Second):
					_, _ = io.WriteString(w, "data: tick\n\n")
					_ = http.NewResponseController(w).Flush()
				case <-web.Draining(r.Context()):
					_, _ = io.WriteString(w, "event: bye\ndata: "+time.Since(began).String()+"\n\n")
					return
				case <-r.Context().Done():
					t.Errorf("the context ended after %d events", n)
					return
				}
			}
		})
		m := serve(t, s, events, web.Options{Name: "api", DrainDelay: 2500 * time.Millisecond})
		c := m.client(t)
		answers := make(chan answer, 1)
		go func() { answers <- ask(c, "/events") }()
		synctest.Wait()
		began = time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		a := <-answers
		if want := strings.Repeat("data: tick\n\n", 2) + "event: bye\ndata: 2.5s\n\n"; a.body != want || a.err != nil {
			t.Errorf("got %q, %v; want %q", a.body, a.err, want)
		}
		if got := note(t, s, "api"); got != "served 1, drained 1, cut 0" {
			t.Errorf("note %q", got)
		}
	})
}

// TestDrainingElsewhere says what Draining is outside of Serve: a channel that a select never chooses.
func TestDrainingElsewhere(t *testing.T) {
	if web.Draining(context.Background()) != nil {
		t.Error("got a channel")
	}
}

// TestPanicInHandler says that a handler's panic is net/http's matter, and is counted as an end.
func TestPanicInHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		m := serve(t, s, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), web.Options{Name: "api"})
		if a := ask(m.client(t), "/"); a.err == nil {
			t.Errorf("got %+v", a)
		}
		synctest.Wait()
		if got := note(t, s, "api"); got != "served 1" {
			t.Errorf("note %q", got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
