package web_test

import (
	"crypto/tls"
	"crypto/x509"
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

// TestEachCountsOnce has a few clients send the beginning of a request, and nothing more, and read no answer. Whatever becomes
// of that, it counts as one thing.
func TestEachCountsOnce(t *testing.T) {
	const get, half = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
	untilTold := func(_ http.ResponseWriter, r *http.Request) { <-web.Draining(r.Context()) }
	untilCut := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, test := range []struct {
		name    string
		request string
		handler http.HandlerFunc
		reject  bool
		want    string // after three that were served before
	}{
		{"the answer is not taken", get, func(http.ResponseWriter, *http.Request) {}, false, "served 3, drained 0, cut 2"},
		{"nor is one of the drain", get, untilTold, false, "served 3, drained 0, cut 2"},
		{"the upload does not end", half, untilTold, false, "served 3, drained 0, cut 2"},
		{"nor does it when the handler is cut", half, untilCut, false, "served 3, drained 0, cut 2"},
		{"the rejection is not taken", get, untilTold, true, "served 3, drained 0, cut 0, rejected 2"},
		{"no request", "nonsense\r\n\r\n", untilTold, false, "served 3, drained 0, cut 0"},
		{"closed by a handler that goes on", get, func(w http.ResponseWriter, r *http.Request) {
			_ = taken(t, w).Close()
			untilCut(w, r)
		}, false, "served 3, drained 0, cut 2"},
		{"closed by a handler that goes on until it is told", get, func(w http.ResponseWriter, r *http.Request) {
			_ = taken(t, w).Close()
			untilTold(w, r)
		}, false, "served 5, drained 2, cut 0"},
		{"taken over, and left to nobody", get, func(w http.ResponseWriter, _ *http.Request) { taken(t, w) }, false, "served 3, drained 0, cut 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &lastly.Scope{}
				mux := http.NewServeMux()
				mux.Handle("/", test.handler)
				mux.Handle("/before", hello())
				m := serve(t, s, mux, web.Options{Name: "api", Reject: test.reject, DrainDelay: time.Second})
				before := m.client(t)
				for range 3 {
					ask(before, "/before")
				}
				clients := []net.Conn{m.connect(t), m.connect(t)}
				closed := closing(s)
				synctest.Wait()
				for _, nc := range clients {
					_, _ = io.WriteString(nc, test.request) // what is no request is not read to its end
				}
				err := <-closed
				if got := note(t, s, "api"); got != test.want {
					t.Errorf("note %q, want %q; the close: %v", got, test.want, err)
				}
				var cut *web.CutError
				if errors.As(err, &cut) != (test.want == "served 3, drained 0, cut 2") || cut != nil && (cut.Cut != 2 || len(cut.What) != 2) {
					t.Errorf("the close says %v", err)
				}
			})
		})
	}
}

// taken is the connection of a handler that takes it over.
func taken(t *testing.T, w http.ResponseWriter) net.Conn {
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
	}
	return nc
}

// TestForeignTakenOver says that a connection which can't be wrapped counts as long as its handler runs.
func TestForeignTakenOver(t *testing.T) {
	cert, pool := certificate()
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		m := newMemory()
		ln := tls.NewListener(m, &tls.Config{Certificates: []tls.Certificate{cert}})
		if err := web.Serve(s, &http.Server{Handler: takeOver(t)}, ln, web.Options{Name: "api"}); err != nil {
			t.Fatal(err)
		}
		gone := upgrade(t, secured(m.connect(t), pool), "/rude")
		_ = gone.nc.Close()
		polite, rude := upgrade(t, secured(m.connect(t), pool), "/polite"), upgrade(t, secured(m.connect(t), pool), "/rude")
		rude.echo(t, "hello")
		synctest.Wait()
		if got := note(t, s, "api"); got != "served 1, in flight 2" {
			t.Errorf("note %q", got)
		}
		closed := closing(s)
		if text, err := io.ReadAll(polite.r); string(text) != "bye\n" {
			t.Errorf("got %q, %v", text, err)
		}
		var cut *web.CutError
		if err := <-closed; !errors.As(err, &cut) || cut.Cut != 1 {
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

// secured is a client's side of TLS.
func secured(nc net.Conn, pool *x509.CertPool) net.Conn {
	return tls.Client(nc, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
}

// TestCutWithoutGoodbye says that clients which do not read can't hold up the end of their connections, though TLS has a goodbye
// to send.
func TestCutWithoutGoodbye(t *testing.T) {
	cert, pool := certificate()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	for _, foreign := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := newMemory()
			release := make(chan struct{})
			srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), TLSConfig: config}
			var ln net.Listener = m
			if foreign {
				ln = tls.NewListener(m, config)
			}
			if err := web.Serve(s, srv, ln, web.Options{Name: "api"}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := io.WriteString(secured(m.connect(t), pool), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			var cut *web.CutError
			var late *lastly.TimeoutError
			if err := s.Close(); !errors.As(err, &cut) || cut.Cut != 3 || cut.Running != 3 || errors.As(err, &late) {
				t.Errorf("foreign %v: got %v", foreign, err)
			}
			close(release)
		})
	}
}
