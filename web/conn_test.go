package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/web"
)

// takeOver answers with a protocol of its own: lines are sent back, and "bye" is sent when the drain begins.
func takeOver(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
		var group sync.WaitGroup
		group.Go(func() {
			for line, err := buf.ReadString('\n'); err == nil; line, err = buf.ReadString('\n') {
				_, _ = io.WriteString(nc, line)
			}
		})
		if r.URL.Path == "/polite" {
			<-web.Draining(r.Context())
			_, _ = io.WriteString(nc, "bye\n")
			_ = nc.Close()
		}
		group.Wait()
		_ = nc.Close()
	})
}

// A lineClient is the other side of takeOver.
type lineClient struct {
	nc net.Conn
	r  *bufio.Reader
}

func upgrade(t testing.TB, nc net.Conn, path string) *lineClient {
	t.Helper()
	t.Cleanup(func() { _ = nc.Close() })
	_, err := io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	c := &lineClient{nc, bufio.NewReader(nc)}
	for line := ""; line != "\r\n"; {
		if line, err = c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *lineClient) echo(t testing.TB, line string) {
	t.Helper()
	if _, err := io.WriteString(c.nc, line+"\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := c.r.ReadString('\n'); got != line+"\n" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func dial(t testing.TB, ln net.Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// TestTakenOver says that connections which handlers took over are told, waited for, and cut if they don't end.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		inside := web.Middleware(s, web.Options{}) // which counts for itself
		m := serve(t, s, inside(takeOver(t)), web.Options{Name: "api"})
		gone := upgrade(t, m.connect(t), "/rude")
		gone.echo(t, "hello")
		_ = gone.nc.Close()
		synctest.Wait()
		if got := note(t, s, "api"); got != "served 1" {
			t.Errorf("the closed connection counts as %q", got)
		}
		polite, rude := upgrade(t, m.connect(t), "/polite"), upgrade(t, m.connect(t), "/rude")
		polite.echo(t, "hello")
		rude.echo(t, "hello")
		closed := closing(s)
		if line, err := polite.r.ReadString('\n'); line != "bye\n" {
			t.Errorf("got %q, %v", line, err)
		}
		rude.echo(t, "still there")
		err := <-closed
		var cut *web.CutError
		if !errors.As(err, &cut) || cut.Cut != 1 || !slices.Equal(cut.What, []string{`GET "/rude"`}) {
			t.Errorf("got %v", err)
		}
		if _, err := rude.r.ReadString('\n'); err == nil {
			t.Error("it was not cut")
		}
		if got := note(t, s, "api"); got != "served 2, drained 1, cut 1" {
			t.Errorf("note %q", got)
		}
	})
}

// TestTakenOverAndLeft is a handler that returns and leaves its connection to somebody else: it still counts, and its end
// is the end of the drain.
func TestTakenOverAndLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		left := make(chan net.Conn, 1)
		m := serve(t, s, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			left <- nc
		}), web.Options{Name: "api"})
		if _, err := io.WriteString(m.connect(t), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		theirs := <-left
		time.AfterFunc(3*time.Second, func() { _ = theirs.Close() })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := s.Report().Duration; took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if got := note(t, s, "api"); got != "served 1, drained 1, cut 0" {
			t.Errorf("note %q", got)
		}
	})
}

// TestHandlerAfterItsConnection is a handler that goes on after it closed what it had taken over: what it uses is still
// there.
func TestHandlerAfterItsConnection(t *testing.T) {
	s := &lastly.Scope{}
	ln := loopback(t)
	var ended atomic.Bool
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = nc.Close()
		<-web.Draining(r.Context())
		testproc.Linger(50 * time.Millisecond)
		ended.Store(true)
	})
	s.Defer("database", func(context.Context) error {
		if !ended.Load() {
			t.Error("the database was closed first")
		}
		return nil
	})
	if err := web.Serve(s, &http.Server{Handler: h}, ln, web.Options{Name: "api"}); err != nil {
		t.Fatal(err)
	}
	nc := dial(t, ln)
	defer nc.Close()
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(nc)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// Whether it was closed before the drain began is the scheduler's matter.
	if got := note(t, s, "api"); !strings.HasPrefix(got, "served 1, ") || !strings.HasSuffix(got, ", cut 0") {
		t.Errorf("note %q", got)
	}
}

// methods are what a handler finds in the connection that it took over.
type methods struct {
	readFrom, writeTo, closeWrite, syscall bool
	inner                                  net.Conn
}

func methodsOf(nc net.Conn) (m methods) {
	_, m.readFrom = nc.(io.ReaderFrom)
	_, m.writeTo = nc.(io.WriterTo)
	half, ok := nc.(interface{ CloseWrite() error })
	m.closeWrite = ok && half.CloseWrite() == nil
	if sc, ok := nc.(syscall.Conn); ok {
		_, err := sc.SyscallConn()
		m.syscall = err == nil
	}
	m.inner = nc.(interface{ NetConn() net.Conn }).NetConn()
	return m
}

// TestConnectionMethods says that handlers and net/http find the methods of the real connection.
func TestConnectionMethods(t *testing.T) {
	unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip(err)
	}
	for _, ln := range []net.Listener{loopback(t), unix} {
		network := ln.Addr().Network()
		s := &lastly.Scope{}
		got := make(chan methods, 1)
		var perConn, perState sync.Map
		srv := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				nc, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				got <- methodsOf(nc)
				_ = nc.Close()
			}),
			ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
				perConn.Store(nc, true)
				return ctx
			},
			ConnState: func(nc net.Conn, st http.ConnState) { perState.Store(st, nc) },
		}
		if err := web.Serve(s, srv, ln, web.Options{}); err != nil {
			t.Fatal(err)
		}
		nc := dial(t, ln)
		if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		m := <-got
		_ = nc.Close()
		if tcp := network == "tcp"; m.readFrom != tcp || m.writeTo != tcp || !m.closeWrite || !m.syscall {
			t.Errorf("%s: %+v", network, m)
		}
		if _, ok := perConn.Load(m.inner); !ok {
			t.Errorf("%s: ConnContext was not given the listener's connection", network)
		}
		if of, _ := perState.Load(http.StateHijacked); of != m.inner {
			t.Errorf("%s: ConnState was not given the listener's connection", network)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFile sends a file that is too large for any buffer, as net/http does it with sendfile.
func TestFile(t *testing.T) {
	const size = 4 << 20
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("lastly. ", size/8)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &lastly.Scope{}
	ln := loopback(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	if err := web.Serve(s, &http.Server{Handler: h}, ln, web.Options{}); err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, "http://"+ln.Addr().String()); code != 200 || len(body) != size {
		t.Errorf("got %d and %d bytes", code, len(body))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCopyBetweenConnections says that a proxy which copies from one connection to the other loses nothing.
func TestCopyBetweenConnections(t *testing.T) {
	s := &lastly.Scope{}
	ln := loopback(t)
	pairs := make(chan net.Conn, 2)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		pairs <- nc
	})
	if err := web.Serve(s, &http.Server{Handler: h}, ln, web.Options{}); err != nil {
		t.Fatal(err)
	}
	var clients, servers [2]net.Conn
	for i := range clients {
		clients[i] = dial(t, ln)
		if _, err := io.WriteString(clients[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		servers[i] = <-pairs
	}
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := io.Copy(servers[1], servers[0]); err != nil {
			t.Error(err)
		}
		_ = servers[1].Close()
		_ = servers[0].Close()
	})
	group.Go(func() {
		_, _ = io.WriteString(clients[0], "through")
		_ = clients[0].Close()
	})
	text, err := io.ReadAll(clients[1])
	if string(text) != "through" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	_ = clients[1].Close()
	group.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
