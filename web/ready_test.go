package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// probe asks a handler as a kubelet does.
func probe(h http.Handler) (code int, body string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/probe", nil))
	return w.Code, strings.TrimSuffix(w.Body.String(), "\n")
}

func wantProbe(t *testing.T, when string, h http.Handler, code int, body string) {
	t.Helper()
	if c, b := probe(h); c != code || b != body {
		t.Errorf("%s: got %d %q, want %d %q", when, c, b, code, body)
	}
}

// TestReadiness is conformance 86(a): not ready, ready, not ready; liveness stays.
func TestReadiness(t *testing.T) {
	s := &lastly.Scope{}
	ready := web.Ready(s)
	wantProbe(t, "new", ready, 200, "ok")
	ready.Set("started", false)
	ready.Set("peers", false)
	ready.Set("peers", false)
	wantProbe(t, "not started", ready, 503, "waiting for: started, peers")
	ready.Set("started", true)
	wantProbe(t, "started", ready, 503, "waiting for: peers")
	ready.Set("peers", true)
	ready.Set("never set", true)
	wantProbe(t, "all there", ready, 200, "ok")
	ready.Set("peers", false)
	wantProbe(t, "not ready again", ready, 503, "waiting for: peers")
	wantProbe(t, "liveness", web.Live(), 200, "ok")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantProbe(t, "closed", ready, 503, "closing")
	wantProbe(t, "closed when made", web.Ready(s), 503, "closing")
	wantProbe(t, "liveness to the end", web.Live(), 200, "ok")
}

// TestReadinessAtOnce is conformance 86(b): no hook has run, and readiness has failed; for a grandchild, too.
func TestReadinessAtOnce(t *testing.T) {
	s := &lastly.Scope{}
	child := s.Child(lastly.Hook{Name: "child"}).Child(lastly.Hook{Name: "grandchild"})
	ready := web.Ready(child)
	seen := 0
	s.Defer("first", func(context.Context) error {
		seen, _ = probe(ready)
		return nil
	})
	release, err := s.Hold("work")
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(s.Context(), func() {
		wantProbe(t, "while work is held", ready, 503, "closing")
		release()
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if seen != 503 {
		t.Errorf("the first hook saw %d", seen)
	}
}

// TestGates is conformance 87: readiness waits for all start-up tasks.
func TestGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		ready := web.Ready(s)
		var doors [3]chan struct{}
		for i, name := range []string{"cache", "peers", "cache"} {
			doors[i] = make(chan struct{})
			ready.Gate(name, func(context.Context) error { <-doors[i]; return nil })
		}
		ready.Set("cache", false)
		wantProbe(t, "all pending", ready, 503, "waiting for: cache, peers, cache, cache")
		ready.Set("cache", true) // not the gates'
		close(doors[0])
		synctest.Wait()
		wantProbe(t, "two pending", ready, 503, "waiting for: peers, cache")
		close(doors[2])
		synctest.Wait()
		wantProbe(t, "one pending", ready, 503, "waiting for: peers")
		close(doors[1])
		synctest.Wait()
		wantProbe(t, "none pending", ready, 200, "ok")
		if n := len(s.Report().Hooks); n != 0 {
			t.Errorf("%d hooks are left of the gates", n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGateFails is conformance 87 for the task that fails, or panics: the scope closes, and the cause names the gate.
func TestGateFails(t *testing.T) {
	broken := errors.New("no route to the cache")
	for _, check := range []func(context.Context) error{
		func(context.Context) error { return broken },
		func(context.Context) error { panic(broken) },
	} {
		s := &lastly.Scope{}
		ready := web.Ready(s)
		ready.Gate("cache warm", check)
		<-s.Closed()
		cause := context.Cause(s.Context())
		if !errors.Is(cause, broken) || !strings.Contains(cause.Error(), `"gate cache warm"`) {
			t.Errorf("the cause is %v", cause)
		}
		if err := s.Close(); !errors.Is(err, broken) {
			t.Errorf("the close says %v", err)
		}
		wantProbe(t, "failed", ready, 503, "closing")
	}
}

// TestGateStops says that a check which the closing interrupts is no failure.
func TestGateStops(t *testing.T) {
	s := &lastly.Scope{}
	ready := web.Ready(s)
	ready.Gate("slow", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	late := make(chan error, 1)
	ready.Gate("late", func(ctx context.Context) error {
		late <- ctx.Err()
		return ctx.Err()
	})
	if err := <-late; err == nil {
		t.Error("a gate on a closed scope has time")
	}
}

func TestGateNil(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, `"cache"`) {
			t.Errorf("got %q", text)
		}
	}()
	web.Ready(&lastly.Scope{}).Gate("cache", nil)
}
