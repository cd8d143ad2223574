package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/web"
)

// A refusal is a call of Serve that must fail.
type refusal struct {
	name string
	s    *lastly.Scope // nil: a new one
	srv  *http.Server
	ln   net.Listener
	o    web.Options
	env  string
	is   error
	says []string
}

// TestServeRefuses says what Serve does not accept: the error names the thing and what to do, nothing is registered, and
// the server and the listener are as they were.
func TestServeRefuses(t *testing.T) {
	busy := loopback(t)
	served := &http.Server{}
	used := &lastly.Scope{}
	if err := web.Serve(used, served, newMemory(), web.Options{}); err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	gone := loopback(t)
	_ = gone.Close()
	cert, _ := certificate()
	secure := &tls.Config{Certificates: []tls.Certificate{cert}}
	down := &http.Server{}
	if err := down.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	parent := &lastly.Scope{}
	late := parent.Child(lastly.Hook{Name: "child"})
	if err := parent.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []refusal{
		{"nil server", nil, nil, newMemory(), web.Options{}, "", nil, []string{"memory", "*http.Server"}},
		{"nothing at all", nil, nil, nil, web.Options{}, "", nil, []string{"*http.Server"}},
		{"address in use", nil, &http.Server{Addr: busy.Addr().String()}, nil, web.Options{}, "", nil, []string{busy.Addr().String(), "another address"}},
		{"no such address", nil, &http.Server{Addr: "127.0.0.1:nosuch"}, nil, web.Options{}, "", nil, []string{"127.0.0.1:nosuch"}},
		{"closed listener", nil, &http.Server{}, gone, web.Options{}, "", net.ErrClosed, []string{gone.Addr().String(), "nobody has closed"}},
		{"served before", nil, served, newMemory(), web.Options{}, "", nil, []string{"served before"}},
		{"shut down before", nil, down, newMemory(), web.Options{}, "", http.ErrServerClosed, []string{"make a new one"}},
		{"negative timeout", nil, &http.Server{}, newMemory(), web.Options{Timeout: -1}, "", nil, []string{"Timeout", "negative"}},
		{"net/http's address", nil, &http.Server{}, nil, web.Options{Timeout: -1}, "", nil, []string{"on :http:"}},
		{"net/http's address for TLS", nil, &http.Server{TLSConfig: secure}, nil, web.Options{Timeout: -1}, "", nil, []string{"on :https:"}},
		{"bad environment", nil, &http.Server{}, newMemory(), web.Options{}, "5", nil, []string{"LASTLY_DRAIN_DELAY", `"5"`, "5s"}},
		{"closed scope", late, &http.Server{}, newMemory(), web.Options{}, "", lastly.ErrClosed, []string{"memory", "before it closes"}},
	} {
		t.Run(r.name, r.check)
	}
	if served.Handler == nil {
		t.Error("the second Serve undid the first")
	}
}

func (r *refusal) check(t *testing.T) {
	t.Setenv(web.EnvDrainDelay, r.env)
	s := r.s
	if s == nil {
		s = &lastly.Scope{}
	}
	handled := r.srv != nil && r.srv.Handler != nil
	err := web.Serve(s, r.srv, r.ln, r.o)
	if err == nil || !strings.HasPrefix(err.Error(), "lastly: serve: ") {
		t.Fatalf("got %v", err)
	}
	for _, text := range r.says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, err)
		}
	}
	if r.is != nil && !errors.Is(err, r.is) {
		t.Errorf("it is no %v: %v", r.is, err)
	}
	if hooks := s.Report().Hooks; len(hooks) != 0 {
		t.Errorf("registered: %v", hooks)
	}
	if srv := r.srv; srv != nil && !handled && (srv.Handler != nil || srv.BaseContext != nil || srv.ConnContext != nil || srv.ConnState != nil) {
		t.Error("the server is not as it was")
	}
	if m, ok := r.ln.(*memory); ok {
		select {
		case <-m.done:
			t.Error("the listener was closed")
		default:
		}
	}
}

// TestBrokenListener says that one which fails at once is no server, whether Serve sees it or has just returned.
func TestBrokenListener(t *testing.T) {
	s := &lastly.Scope{}
	broken := errors.New("broken")
	err := web.Serve(s, &http.Server{}, brokenListener{broken}, web.Options{})
	if err == nil { // it had begun to wait for connections
		<-s.Closed()
		err = s.Close()
	}
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// brokenListener fails at the first Accept.
type brokenListener struct{ err error }

func (b brokenListener) Accept() (net.Conn, error) { return nil, b.err }
func (brokenListener) Close() error                { return nil }
func (brokenListener) Addr() net.Addr              { return memoryAddr{} }

// TestServeAgainAfterError says that a refused server is as it was.
func TestServeAgainAfterError(t *testing.T) {
	s := &lastly.Scope{}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: hello()}
	m := newMemory()
	if err := web.Serve(s, srv, m, web.Options{}); !errors.Is(err, lastly.ErrClosing) {
		t.Fatalf("got %v", err)
	}
	s = &lastly.Scope{}
	if err := web.Serve(s, srv, m, web.Options{}); err != nil {
		t.Fatal(err)
	}
	if a := ask(m.client(t), "/"); a.body != "hello" {
		t.Errorf("got %+v", a)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestServeWhileClosing says that a hook can't start a server any more.
func TestServeWhileClosing(t *testing.T) {
	s := &lastly.Scope{}
	child := s.Child(lastly.Hook{Name: "child"})
	s.Defer("late", func(context.Context) error {
		return web.Serve(child, &http.Server{}, newMemory(), web.Options{})
	})
	if err := s.Close(); !errors.Is(err, lastly.ErrClosing) {
		t.Errorf("got %v", err)
	}
}

// TestListenFails says that an address which Serve listened on itself is free again after an error.
func TestListenFails(t *testing.T) {
	ln := loopback(t)
	addr := ln.Addr().String()
	_ = ln.Close()
	srv := &http.Server{Addr: addr}
	_ = srv.Shutdown(t.Context())
	s := &lastly.Scope{}
	if err := web.Serve(s, srv, nil, web.Options{}); err == nil {
		t.Fatal("it served")
	}
	if err := web.Serve(s, &http.Server{Addr: addr, Handler: hello()}, nil, web.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, body := get(t, "http://"+addr); body != "hello" {
		t.Errorf("got %q", body)
	}
	if got := s.Report().Hooks[0]; got.Name != "http "+addr || !strings.Contains(got.Site, "rules_test.go:") {
		t.Errorf("the hook is %q of %s", got.Name, got.Site)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestLaterFailure says that a server which fails closes its scope, as a Go does; one that was shut down by hand does not.
func TestLaterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		m := serve(t, s, hello(), web.Options{Name: "api", DrainDelay: time.Hour})
		_ = m.Close() // what it is served on is taken away
		<-s.Closed()
		if cause := context.Cause(s.Context()); !errors.Is(cause, net.ErrClosed) || !strings.Contains(cause.Error(), `"api"`) || !strings.Contains(cause.Error(), "Uses") {
			t.Errorf("the cause is %v", cause)
		}
		if err := s.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the close says %v", err)
		}
		if took := s.Report().Duration; took != 0 {
			t.Errorf("a server that is gone delayed the end by %v", took)
		}

		s = &lastly.Scope{}
		srv := &http.Server{}
		if err := web.Serve(s, srv, newMemory(), web.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.Context().Err(); err != nil {
			t.Errorf("a server that was shut down closed its scope: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestUsersFunctions says that what a server's user has set is called as ever.
func TestUsersFunctions(t *testing.T) {
	type key string
	s := &lastly.Scope{}
	m := newMemory()
	var mu sync.Mutex
	var states []http.ConnState
	var base net.Listener
	down := make(chan struct{})
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, r.Context().Value(key("base")), r.Context().Value(key("conn")))
		}),
		BaseContext: func(ln net.Listener) context.Context {
			base = ln
			return context.WithValue(context.Background(), key("base"), "b")
		},
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return context.WithValue(ctx, key("conn"), "c") },
		ConnState: func(_ net.Conn, st http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, st)
		},
	}
	srv.RegisterOnShutdown(func() { close(down) })
	if err := web.Serve(s, srv, m, web.Options{}); err != nil {
		t.Fatal(err)
	}
	if a := ask(m.client(t), "/"); a.body != "bc" {
		t.Errorf("the handler saw %q", a.body)
	}
	if base != m {
		t.Errorf("BaseContext was given %v", base)
	}
	root := srv.BaseContext(m)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if cause := context.Cause(root); !errors.Is(cause, context.Canceled) { // else what the user's context holds of it leaks
		t.Errorf("what the requests' contexts come from has ended with %v", cause)
	}
	<-down
	want := []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateClosed}
	testproc.Poll(t, "the last state, which the connection's own goroutine tells", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(states) >= len(want)
	})
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
}

// TestSeveralServers is conformance 88: servers end in the order that Uses declares, each with what uses it.
func TestSeveralServers(t *testing.T) {
	s := &lastly.Scope{}
	var mu sync.Mutex
	var order []string
	mark := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, name)
	}
	hook := func(name string, uses ...string) {
		s.Register(lastly.Hook{Name: name, Uses: uses, Run: func(context.Context) error { mark(name); return nil }})
	}
	on := func(name string, uses ...string) {
		srv := &http.Server{}
		srv.RegisterOnShutdown(func() { mark(name) })
		entered := make(chan struct{})
		srv.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-web.Draining(r.Context())
			testproc.Linger(20 * time.Millisecond)
			mark(name + " drained")
		})
		m := newMemory()
		if err := web.Serve(s, srv, m, web.Options{Name: name, Uses: uses}); err != nil {
			t.Fatal(err)
		}
		go ask(m.client(t), "/")
		<-entered
	}
	hook("log", lastly.Nothing...)
	on("internal", "log") // declared out of order on purpose
	hook("database", "log")
	hook("workers", "database", "internal")
	on("public", "workers", "database")
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	order = slices.DeleteFunc(order, func(name string) bool { return name == "public" || name == "internal" })
	database := slices.Index(order, "database") // beside internal, which does not use it
	order = slices.Delete(order, database, database+1)
	if want := "public drained workers internal drained log"; strings.Join(order, " ") != want || database < 2 {
		t.Errorf("order %q, want %q; database was %d", order, want, database)
	}
}

// TestUnixSocket serves on one, whose file is gone afterwards.
func TestUnixSocket(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", file)
	if err != nil {
		t.Skip(err)
	}
	s := &lastly.Scope{}
	if err := web.Serve(s, &http.Server{Handler: hello()}, ln, web.Options{}); err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", file) }}
	if a := ask(&http.Client{Transport: tr}, "/"); a.body != "hello" {
		t.Errorf("got %+v", a)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the socket is still there")
	}
}

// TestCloseOfListenerFails says that a listener that can't be closed is no secret.
func TestCloseOfListenerFails(t *testing.T) {
	s := &lastly.Scope{}
	m := &stuckListener{newMemory()}
	if err := web.Serve(s, &http.Server{}, m, web.Options{Name: "api"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

type stuckListener struct{ *memory }

func (l *stuckListener) Close() error {
	_ = l.memory.Close()
	return io.ErrUnexpectedEOF
}
