package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// loopback is a listener on a free port, closed with the test.
func loopback(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// get fetches a page over a connection of its own.
func get(t testing.TB, url string) (code int, body string) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// note is what the report says of a hook.
func note(t testing.TB, s *lastly.Scope, name string) string {
	t.Helper()
	for _, h := range s.Report().Hooks {
		if h.Name == name {
			return h.Note
		}
	}
	t.Fatalf("no hook %q in\n%v", name, s.Report())
	return ""
}

// TestStopAtOnce is conformance 82: stop returns, and afterwards nobody can connect. That it does so at once is TestIdleConnections'.
func TestStopAtOnce(t *testing.T) {
	s := &lastly.Scope{}
	ln := loopback(t)
	if err := web.Serve(s, &http.Server{Handler: http.NotFoundHandler()}, ln, web.Options{Name: "api"}); err != nil {
		t.Fatal(err)
	}
	if code, _ := get(t, "http://"+ln.Addr().String()); code != 404 {
		t.Errorf("got %d", code)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("it still listens")
	}
	if got := note(t, s, "api"); got != "served 1, drained 0, cut 0" {
		t.Errorf("note %q", got)
	}
}

// TestInFlightFinishes is conformance 83: the client of a request in flight gets the whole answer, and stop returns then.
func TestInFlightFinishes(t *testing.T) {
	s := &lastly.Scope{}
	ln := loopback(t)
	entered := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-web.Draining(r.Context())
		_, _ = io.WriteString(w, "whole")
	})
	if err := web.Serve(s, &http.Server{Handler: handler}, ln, web.Options{Name: "api"}); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() {
		<-entered
		closed <- s.Close()
	}()
	if code, body := get(t, "http://"+ln.Addr().String()); code != 200 || body != "whole" {
		t.Errorf("got %d %q", code, body)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got := note(t, s, "api"); got != "served 1, drained 1, cut 0" {
		t.Errorf("note %q", got)
	}
}

// TestHangingRequestIsCut is conformance 84: a request that does not end is cut when the time is over, and stop returns.
func TestHangingRequestIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		release := make(chan struct{})
		var cause error
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			cause = context.Cause(r.Context())
			<-release
		})
		m := serve(t, s, handler, web.Options{Name: "api", Timeout: 2 * time.Second})
		c := m.client(t)
		answers := make(chan answer, 1)
		go func() { answers <- ask(c, "/slow") }()
		synctest.Wait()
		err := s.Close()
		close(release)
		var cut *web.CutError
		if !errors.As(err, &cut) || cut.Cut != 1 || cut.Running != 1 || cut.What[0] != `GET "/slow"` {
			t.Errorf("got %v", err)
		}
		var late *lastly.TimeoutError
		if errors.As(err, &late) {
			t.Errorf("it overran its time: %v", err)
		}
		if a := <-answers; a.err == nil {
			t.Errorf("the client got an answer: %+v", a)
		}
		synctest.Wait()
		if !errors.Is(cause, web.ErrTimeOver) {
			t.Errorf("the request's context ended with %v", cause)
		}
		if got := note(t, s, "api"); got != "served 0, drained 0, cut 1" {
			t.Errorf("note %q", got)
		}
	})
}
