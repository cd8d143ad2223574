package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// TestWriterIsTheServers says that handlers get the very ResponseWriter, with all that it can do.
func TestWriterIsTheServers(t *testing.T) {
	recorder := httptest.NewRecorder()
	h := web.Middleware(&lastly.Scope{}, web.Options{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if w != http.ResponseWriter(recorder) {
			t.Errorf("the handler got %v", w)
		}
	}))
	h.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))

	for _, set := range []func(*http.Protocols, bool){(*http.Protocols).SetHTTP1, (*http.Protocols).SetUnencryptedHTTP2} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := newMemory()
			srv := &http.Server{Handler: http.HandlerFunc(checkWriter(t)), Protocols: protocols(set)}
			if err := web.Serve(s, srv, m, web.Options{}); err != nil {
				t.Fatal(err)
			}
			tr := &http.Transport{DialContext: m.dial, Protocols: protocols(set)}
			defer tr.CloseIdleConnections()
			if body := bodyOf(&http.Client{Transport: tr}, "http://memory"); body != "ok" {
				t.Errorf("got %q", body)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkWriter is a handler that tries what a ResponseWriter of net/http can do.
func checkWriter(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		soon := time.Now().Add(time.Hour)
		for name, err := range map[string]error{
			"full duplex": c.EnableFullDuplex(), "read deadline": c.SetReadDeadline(soon), "write deadline": c.SetWriteDeadline(soon),
		} {
			if err != nil {
				t.Errorf("%s: %s: %v", r.Proto, name, err)
			}
		}
		_, hijacks := w.(http.Hijacker)
		_, reads := w.(io.ReaderFrom)
		_, pushes := w.(http.Pusher)
		if one := r.ProtoMajor == 1; hijacks != one || reads != one || pushes == one {
			t.Errorf("%s: a Hijacker: %v, a ReaderFrom: %v, a Pusher: %v", r.Proto, hijacks, reads, pushes)
		}
		_, _ = io.WriteString(w, "ok")
		if err := c.Flush(); err != nil {
			t.Errorf("%s: flush: %v", r.Proto, err)
		}
	}
}

// TestUploadInFlight is a client that waits for 100 Continue, and a server that begins to drain meanwhile: the upload is taken.
func TestUploadInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		m := serve(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-web.Draining(r.Context())
			time.Sleep(time.Second)
			_, _ = io.Copy(w, r.Body)
		}), web.Options{Name: "api"})
		nc := m.connect(t)
		if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		closed := closing(s)
		answer := bufio.NewReader(nc)
		if line, err := answer.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Fatalf("got %q, %v", line, err)
		}
		for _, part := range []string{"up", "lo", "ad"} {
			time.Sleep(2 * time.Second)
			if _, err := io.WriteString(nc, part); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := io.ReadAll(answer); !strings.HasSuffix(string(text), "\r\n\r\nupload") {
			t.Errorf("got %q, %v", text, err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if got := note(t, s, "api"); got != "served 1, drained 1, cut 0" {
			t.Errorf("note %q", got)
		}
	})
}

// An otherTLS is a connection with a TLS that net/http does not know.
type otherTLS struct{ *tls.Conn }

type otherListener struct {
	net.Listener
	config *tls.Config
}

func (l otherListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return otherTLS{tls.Server(nc, l.config)}, nil
}

// TestConnectionsOfTLS says that handlers know of the TLS, and the user's functions get the connections that net/http would give
// them, or the listener's own.
func TestConnectionsOfTLS(t *testing.T) {
	cert, pool := certificate()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	for _, other := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &lastly.Scope{}
			m := newMemory()
			var ln net.Listener = m
			srv := &http.Server{Protocols: protocols((*http.Protocols).SetHTTP1), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = fmt.Fprint(w, r.TLS != nil)
			})}
			if other {
				ln = otherListener{m, config}
			} else {
				srv.TLSConfig = config
			}
			check := func(nc net.Conn) {
				_, isOther := nc.(otherTLS)
				if _, isNets := nc.(*tls.Conn); isOther != other || isNets == other {
					t.Errorf("other %v: a function of the user got a %T", other, nc)
				}
			}
			srv.ConnState = func(nc net.Conn, _ http.ConnState) { check(nc) }
			srv.ConnContext = func(ctx context.Context, nc net.Conn) context.Context { check(nc); return ctx }
			if err := web.Serve(s, srv, ln, web.Options{Name: "api"}); err != nil {
				t.Fatal(err)
			}
			tr := &http.Transport{DialContext: m.dial, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}}
			defer tr.CloseIdleConnections()
			if body := bodyOf(&http.Client{Transport: tr}, "https://memory"); body != "true" {
				t.Errorf("other %v: does the handler know of the TLS: %s", other, body)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
