package web_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// A memory is a listener whose connections are pipes, so that a bubble of synctest has it all.
type memory struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newMemory() *memory { return &memory{conns: make(chan net.Conn), done: make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

func (m *memory) Addr() net.Addr { return memoryAddr{} }

// dial connects as http.Transport asks for it.
func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case m.conns <- theirs:
		return ours, nil
	case <-m.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect is dial for a test that speaks for itself.
func (m *memory) connect(t testing.TB) net.Conn {
	t.Helper()
	nc, err := m.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// client returns one that keeps its connections alive, until the test is over.
func (m *memory) client(t testing.TB) *http.Client {
	tr := &http.Transport{DialContext: m.dial}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// serve serves a handler in memory.
func serve(t testing.TB, s *lastly.Scope, h http.Handler, o web.Options) *memory {
	t.Helper()
	m := newMemory()
	if err := web.Serve(s, &http.Server{Handler: h}, m, o); err != nil {
		t.Fatal(err)
	}
	return m
}

// An answer is what came back of a request.
type answer struct {
	code   int
	header http.Header
	body   string
	close  bool
	after  time.Duration // since it was sent
	err    error
}

// ask sends a request and waits for all of its answer.
func ask(c *http.Client, path string) (a answer) {
	began := time.Now()
	defer func() { a.after = time.Since(began) }()
	resp, err := c.Get("http://memory" + path)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{code: resp.StatusCode, header: resp.Header, body: string(body), close: resp.Close, err: err}
}

// closing begins to close a scope; what it returns receives the result.
func closing(s *lastly.Scope) <-chan error {
	result := make(chan error, 1)
	go func() { result <- s.Close() }()
	return result
}

// hello answers at once.
func hello() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
}

// slow answers when its time is over, or its context ends.
func slow(d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			_, _ = io.WriteString(w, "slow")
		case <-r.Context().Done():
		}
	})
}
