package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// lastCall is what a server that had a delay adds to it while there are connections.
const lastCall = 100 * time.Millisecond

// TestDelay is conformance 86(b) and 88: the moment closing begins readiness fails and the server still serves, without
// keeping the connection; after the delay nobody gets in.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		mux := http.NewServeMux()
		mux.Handle("/ready", web.Ready(s))
		mux.Handle("/live", web.Live())
		mux.Handle("/", hello())
		m := serve(t, s, mux, web.Options{Name: "api", DrainDelay: 5 * time.Second})
		c := m.client(t)
		if a := ask(c, "/ready"); a.code != 200 || a.body != "ok\n" || a.close {
			t.Errorf("before: %+v", a)
		}
		began := time.Now()
		closed := closing(s)
		synctest.Wait()
		if a := ask(c, "/ready"); a.code != 503 || a.body != "closing\n" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("readiness as closing begins: %+v", a)
		}
		for time.Since(began) < 5*time.Second-time.Millisecond {
			if a := ask(c, "/"); a.code != 200 || a.body != "hello" || !a.close {
				t.Errorf("after %v: %+v", time.Since(began), a)
			}
			if a := ask(c, "/live"); a.code != 200 {
				t.Errorf("liveness after %v: %+v", time.Since(began), a)
			}
			time.Sleep(499 * time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		if a := ask(c, "/"); a.err == nil {
			t.Errorf("after the delay: %+v", a)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if took := s.Report().Duration; took < 5*time.Second || took > 5*time.Second+lastCall {
			t.Errorf("took %v", took)
		}
	})
}

// TestDelayCounts says from when the delay counts, and when it is cut or left out.
func TestDelayCounts(t *testing.T) {
	for _, test := range []struct {
		name   string
		o      web.Options
		env    string
		grace  time.Duration // of the scope
		before time.Duration // what a hook takes that runs before
		want   time.Duration
	}{
		{"nothing said", web.Options{}, "", 0, 0, 0},
		{"Options", web.Options{DrainDelay: 3 * time.Second}, "", 0, 0, 3 * time.Second},
		{"Options win", web.Options{DrainDelay: 3 * time.Second}, "7s", 0, 0, 3 * time.Second},
		{"negative", web.Options{DrainDelay: -1}, "7s", 0, 0, 0},
		{"environment", web.Options{}, "7s", 0, 0, 7 * time.Second},
		{"environment, none", web.Options{}, "0", 0, 0, 0},
		{"environment, negative", web.Options{}, "-7s", 0, 0, 0},
		{"Options win over nonsense", web.Options{DrainDelay: 3 * time.Second}, "soon", 0, 0, 3 * time.Second},
		{"counted from the beginning", web.Options{DrainDelay: 5 * time.Second}, "", 0, 3 * time.Second, 5 * time.Second},
		{"over when its turn comes", web.Options{DrainDelay: 5 * time.Second}, "", 0, 6 * time.Second, 6 * time.Second},
		{"half of a short time", web.Options{DrainDelay: 10 * time.Second, Timeout: 4 * time.Second}, "", 0, 0, 2 * time.Second},
		{"5 s are left", web.Options{DrainDelay: 19 * time.Second, Timeout: 20 * time.Second}, "", 0, 0, 15 * time.Second},
		{"the grace is short", web.Options{DrainDelay: 5 * time.Second}, "", 3 * time.Second, 0, 1500 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(web.EnvDrainDelay, test.env)
			synctest.Test(t, func(t *testing.T) {
				s := &lastly.Scope{Grace: test.grace}
				serve(t, s, hello(), test.o)
				s.Defer("before the server", func(context.Context) error { time.Sleep(test.before); return nil })
				began := time.Now()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != test.want {
					t.Errorf("took %v, want %v", took, test.want)
				}
			})
		})
	}
}

// TestTimeouts says how long a server may take for its end: the delay that there may be is on top.
func TestTimeouts(t *testing.T) {
	for _, test := range []struct {
		o    web.Options
		env  string
		want time.Duration
	}{
		{web.Options{}, "", 20 * time.Second},
		{web.Options{DrainDelay: 9 * time.Second}, "", 24 * time.Second},
		{web.Options{DrainDelay: -1}, "", 15 * time.Second},
		{web.Options{}, "7s", 22 * time.Second},
		{web.Options{Timeout: 3 * time.Second}, "7s", 3 * time.Second},
		{web.Options{DrainDelay: math.MaxInt64}, "", 1 << 60},
		{web.Options{Timeout: math.MaxInt64}, "0", 1 << 60},
	} {
		t.Setenv(web.EnvDrainDelay, test.env)
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			serve(t, s, hello(), test.o)
			if got := s.Report().Hooks[0].Timeout; got != test.want {
				t.Errorf("%+v, %q: %v, want %v", test.o, test.env, got, test.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDelayOfAChild says that a server on a child scope hears of its parent's closing at once.
func TestDelayOfAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		child := s.Child(lastly.Hook{Name: "module"})
		ready := web.Ready(child)
		m := serve(t, child, hello(), web.Options{DrainDelay: 4 * time.Second})
		c := m.client(t)
		s.Defer("before", func(context.Context) error { time.Sleep(3 * time.Second); return nil })
		began := time.Now()
		closed := closing(s)
		synctest.Wait()
		if got := ready.Reason(); got != "closing" {
			t.Errorf("readiness of the child: %q", got)
		}
		if a := ask(c, "/"); !a.close {
			t.Errorf("keeps its connections: %+v", a)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 4*time.Second+lastCall {
			t.Errorf("took %v", took)
		}
	})
}

// TestDelayCutShort says that a close whose patience ends cuts the delay and what is in flight, and is told the truth before
// the server would be abandoned.
func TestDelayCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		release := make(chan struct{})
		mux := http.NewServeMux()
		mux.Handle("/polite", slow(time.Hour))
		mux.HandleFunc("/rude", func(http.ResponseWriter, *http.Request) { <-release })
		m := serve(t, s, mux, web.Options{Name: "api", DrainDelay: 5 * time.Second})
		c := m.client(t)
		var group sync.WaitGroup
		group.Go(func() { ask(c, "/polite") })
		group.Go(func() { ask(c, "/rude") })
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(2*time.Second, cancel)
		began := time.Now()
		err := s.Shutdown(ctx)
		var cut *web.CutError
		if !errors.As(err, &cut) || cut.Cut != 2 || cut.Running != 1 {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("took %v", took)
		}
		for _, h := range s.Report().Hooks {
			if h.Outcome == lastly.OutcomeAbandoned {
				t.Errorf("abandoned: %v", h.Err)
			}
		}
		close(release)
		group.Wait()
	})
}

// TestDelayAfterSignal says when the default delay is in force: only when somebody asked the process to end.
func TestDelayAfterSignal(t *testing.T) {
	t.Setenv(web.EnvDrainDelay, "")
	for _, test := range []struct {
		cause    error
		attended bool
		want     time.Duration
	}{
		{&lastly.SignalError{Signal: syscall.SIGTERM}, false, web.DefaultDrainDelay},
		{&lastly.SignalError{Signal: syscall.SIGTERM}, true, 0},
		{lastly.ErrClosing, false, 0},
		{errors.New("a Go failed"), false, 0},
	} {
		if got := web.DefaultDelayFor(test.cause, test.attended); got != test.want {
			t.Errorf("after %v, attended %v: %v, want %v", test.cause, test.attended, got, test.want)
		}
	}
}

// TestLastCall says that a request which is on its way when the listener closes is served, over a connection that was kept, and
// over one that was never used: net/http drops what it reads after Shutdown was called.
func TestLastCall(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: memory\r\n\r\n"
	for _, kept := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := newMemory()
			slowly := func(_ net.Conn, st http.ConnState) {
				if st == http.StateActive {
					time.Sleep(lastCall / 4) // between the request and its handler
				}
			}
			if err := web.Serve(s, &http.Server{Handler: hello(), ConnState: slowly}, m, web.Options{Name: "api", DrainDelay: time.Second}); err != nil {
				t.Fatal(err)
			}
			exchange := func(nc net.Conn) {
				if _, err := io.WriteString(nc, request); err != nil {
					t.Errorf("kept %v: %v", kept, err)
					return
				}
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil {
					t.Errorf("kept %v: %v", kept, err)
					return
				}
				if body, err := io.ReadAll(resp.Body); string(body) != "hello" || err != nil {
					t.Errorf("kept %v: got %q, %v", kept, body, err)
				}
			}
			var nc net.Conn
			late := 2 * lastCall // a kept one would be closed by then
			if kept {
				nc, late = m.connect(t), lastCall/2
				exchange(nc)
			}
			closed := closing(s)
			time.Sleep(time.Second - lastCall)
			if !kept {
				nc = m.connect(t)
			}
			time.Sleep(lastCall + late)
			exchange(nc)
			if err := <-closed; err != nil {
				t.Error(err)
			}
		})
	}
}
