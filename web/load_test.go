package web_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/web"
)

// A mix is a server with requests over all protocols, some that end, some that never do, and connections that are taken over.
type mix struct {
	scope   lastly.Scope
	dial    func() net.Conn
	pool    *x509.CertPool
	came    atomic.Int64
	endless atomic.Int64  // of them, those that never end by themselves
	loaded  chan struct{} // closed when enough have come
	clients sync.WaitGroup
}

// newMix serves on ln, and puts load on it over dial.
func newMix(t *testing.T, cert tls.Certificate, pool *x509.CertPool, ln net.Listener, dial func() net.Conn) *mix {
	t.Helper()
	x := &mix{pool: pool, dial: dial, loaded: make(chan struct{})}
	mux, lines := http.NewServeMux(), takeOver(t)
	handle := func(path string, h http.HandlerFunc) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if x.came.Add(1) == 200 {
				close(x.loaded)
			}
			h(w, r)
		})
	}
	handle("/quick", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "quick") })
	handle("/told", func(_ http.ResponseWriter, r *http.Request) { <-web.Draining(r.Context()) })
	handle("/hangs", func(_ http.ResponseWriter, r *http.Request) { x.endless.Add(1); <-r.Context().Done() })
	handle("/rude", func(w http.ResponseWriter, r *http.Request) { x.endless.Add(1); lines.ServeHTTP(w, r) })
	handle("/polite", lines.ServeHTTP)
	srv := &http.Server{Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	if err := web.Serve(&x.scope, srv, ln, web.Options{Name: "api"}); err != nil {
		t.Fatal(err)
	}
	return x
}

// load sends requests to each path over HTTP/1.1 and HTTP/2 until there is no answer, and has connections taken over.
func (x *mix) load(t *testing.T, paths, upgrades []string) {
	t.Helper()
	for _, proto := range []*http.Protocols{protocols((*http.Protocols).SetHTTP1), protocols((*http.Protocols).SetHTTP2)} {
		tr := &http.Transport{
			Protocols:       proto,
			TLSClientConfig: &tls.Config{RootCAs: x.pool, ServerName: "127.0.0.1"},
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				if nc := x.dial(); nc != nil {
					return nc, nil
				}
				return nil, net.ErrClosed
			},
		}
		t.Cleanup(tr.CloseIdleConnections)
		for _, path := range paths {
			x.clients.Go(func() {
				for ok := true; ok; {
					ok = fetched(&http.Client{Transport: tr}, "https://memory"+path)
				}
			})
		}
	}
	for _, path := range upgrades {
		c := upgrade(t, secured(x.dial(), x.pool), path)
		x.clients.Go(func() { _, _ = io.Copy(io.Discard, c.r) })
	}
	<-x.loaded
}

// check closes the server: whatever came to a handler is served or cut, once.
func (x *mix) check(t *testing.T) {
	t.Helper()
	closeErr := x.scope.Close()
	x.clients.Wait()
	text := note(t, &x.scope, "api")
	var served, drained, cut int64
	if _, err := fmt.Sscanf(text+".", "served %d, drained %d, cut %d.", &served, &drained, &cut); err != nil {
		t.Fatalf("note %q: %v; the error %v", text, err, closeErr)
	}
	if served+cut != x.came.Load() || cut != x.endless.Load() || drained < 1 || drained > served || (closeErr == nil) != (cut == 0) {
		t.Errorf("%d requests came, of which %d never end; the report says %q, the error %v", x.came.Load(), x.endless.Load(), text, closeErr)
	}
}

// TestCountsAddUp closes a server in the middle of everything at once.
func TestCountsAddUp(t *testing.T) {
	cert, pool := certificate()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		x := newMix(t, cert, pool, m, func() net.Conn { nc, _ := m.dial(t.Context(), "", ""); return nc })
		x.load(t, []string{"/quick", "/quick", "/told", "/hangs"}, []string{"/polite", "/rude", "/rude"})
		x.check(t)
	})
}

// TestCountsAddUpOverTCP is the same over real connections, without what is cut: that would be a matter of the machine's speed.
func TestCountsAddUpOverTCP(t *testing.T) {
	cert, pool := certificate()
	ln := loopback(t)
	x := newMix(t, cert, pool, ln, func() net.Conn {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return nil
		}
		return nc
	})
	x.load(t, []string{"/quick", "/quick", "/told"}, []string{"/polite"})
	x.check(t)
}

// fetched reports whether a request was answered.
func fetched(c *http.Client, url string) bool {
	resp, err := c.Get(url)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// TestManyScopes serves and closes again and again: nothing of a server is left but its report.
func TestManyScopes(t *testing.T) {
	parent := &lastly.Scope{}
	for i := range 200 {
		s := parent.Child(lastly.Hook{Name: fmt.Sprint(i)})
		m := serve(t, s, hello(), web.Options{})
		if a := ask(m.client(t), "/"); a.body != "hello" {
			t.Fatalf("got %+v", a)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(parent.Report().Hooks); n != 0 {
		t.Errorf("%d hooks are left", n)
	}
	if err := parent.Close(); err != nil {
		t.Error(err)
	}
}

// TestConnectionsAreForgotten says that nothing holds a connection that has gone, wrapped or not.
func TestConnectionsAreForgotten(t *testing.T) {
	cert, pool := certificate()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	for _, foreign := range []bool{false, true} {
		s := &lastly.Scope{}
		weakly := &weakListener{Listener: loopback(t)}
		srv := &http.Server{Handler: hello(), TLSConfig: config}
		var ln net.Listener = weakly
		if foreign {
			ln = tls.NewListener(weakly, config)
		}
		if err := web.Serve(s, srv, ln, web.Options{}); err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: pool},
		}
		for range 3 {
			if body := bodyOf(&http.Client{Transport: tr}, "https://"+weakly.Addr().String()); body != "hello" {
				t.Errorf("got %q", body)
			}
		}
		testproc.Poll(t, "the connections to be collected", func() bool { runtime.GC(); return weakly.gone() == 3 })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A weakListener knows which of its connections are still there.
type weakListener struct {
	net.Listener
	mu    sync.Mutex // guards conns
	conns []weak.Pointer[weakConn]
}

type weakConn struct{ net.Conn }

func (l *weakListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &weakConn{nc}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, weak.Make(c))
	return c, nil
}

func (l *weakListener) gone() (count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if c.Value() == nil {
			count++
		}
	}
	return count
}
