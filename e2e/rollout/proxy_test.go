package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly/internal/testproc"
)

// TestEffectComesAfterTheDelay is about the rotation; the clock is fake.
func TestEffectComesAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoints(time.Second, time.Minute)
		p := &endpoint{in: make(chan struct{}), gone: make(chan struct{})}
		wait := func(d time.Duration, want *endpoint) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := e.pick(); got != want {
				t.Errorf("picked %v, want %v", got, want)
			}
		}
		e.applyLater(p, true, 1)
		wait(59*time.Second, nil)
		wait(time.Second, p)
		<-p.in
		e.applyLater(p, false, 2)
		wait(59*time.Second, p)
		wait(time.Second, nil)
		e.apply(p, true, 3)
		e.apply(p, false, 2) // an earlier change that comes late
		wait(0, p)
	})
}

func TestPickTakesTurns(t *testing.T) {
	e := newEndpoints(time.Second, 0)
	seen := make(map[*endpoint]int)
	for range 3 {
		e.apply(&endpoint{in: make(chan struct{})}, true, 1)
	}
	for range 30 {
		seen[e.pick()]++
	}
	for p, n := range seen {
		if n != 10 {
			t.Errorf("%p was picked %d times of 30, want 10", p, n)
		}
	}
}

// TestProxy follows an instance from the beginning to the end of its readiness, and its death.
func TestProxy(t *testing.T) {
	p, err := newProxy(10, time.Millisecond, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var ready atomic.Bool
	instance := httptest.NewServer(service(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})))
	defer instance.Close()
	ask := func() (int, string) {
		answer, err := http.Get("http://" + p.listener.Addr().String() + workPath + "?name=n")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode, answer.Header.Get(lossHeader)
	}
	until := func(status int) {
		t.Helper()
		testproc.Poll(t, "an answer with "+http.StatusText(status), func() bool { got, _ := ask(); return got == status })
	}

	addr := strings.TrimPrefix(instance.URL, "http://")
	first := p.follow(addr, p.to(addr))
	until(http.StatusServiceUnavailable)
	ready.Store(true)
	until(http.StatusOK)
	ready.Store(false)
	until(http.StatusServiceUnavailable)

	close(first.gone)
	p.wg.Wait() // nobody asks any more

	second := p.follow(addr, p.to(closedAddr(t)))
	ready.Store(true)
	until(http.StatusBadGateway)
	if _, what := ask(); loss(what) != refused {
		t.Errorf("the proxy met %q, want %q", what, refused)
	}
	close(second.gone)
	instance.Close()
	until(http.StatusServiceUnavailable)
	p.wg.Wait()
}

// closedAddr is an address on which nobody listens.
func closedAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	return ln.Addr().String()
}

func TestLimit(t *testing.T) {
	ln, err := listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	if limit(ln, 0) != ln {
		t.Error("a listener without a limit is not as it was")
	}
	few := limit(ln, 1)
	accepted := make(chan net.Conn)
	go func() { // ends with the listener
		defer close(accepted)
		for {
			c, err := few.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Error("a second connection was accepted beside the first one")
	default:
	}
	_ = first.Close()
	_ = first.Close() // leaves once
	second := <-accepted
	_ = few.Close() // while Accept waits for a slot
	if c, open := <-accepted; open {
		t.Errorf("accepted %v after the end", c)
	}
	_ = second.Close()
}
