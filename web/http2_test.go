package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/web"
)

// certificate is one for 127.0.0.1, and what trusts it.
func certificate() (tls.Certificate, *x509.CertPool) {
	ts := httptest.NewTLSServer(nil)
	defer ts.Close()
	pool := x509.NewCertPool()
	pool.AddCert(ts.Certificate())
	return ts.TLS.Certificates[0], pool
}

// protocols are the ones that a test asks for.
func protocols(set ...func(*http.Protocols, bool)) *http.Protocols {
	p := new(http.Protocols)
	for _, f := range set {
		f(p, true)
	}
	return p
}

// A spoken is a way in which net/http speaks TLS or HTTP/2.
type spoken struct {
	name   string
	srv    *http.Server
	listen func(net.Listener) net.Listener // nil: as it is
	scheme string
	client *http.Transport
	proto  string // what the handler is to see
}

// TestProtocols is conformance 82 to 84 for the ways in which net/http speaks TLS and HTTP/2: what is in flight ends, or is
// cut, and is counted.
func TestProtocols(t *testing.T) {
	cert, pool := certificate()
	config := func(protos ...string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protos}
	}
	h1, h2c := (*http.Protocols).SetHTTP1, (*http.Protocols).SetUnencryptedHTTP2
	for _, test := range []spoken{
		{
			"TLS, HTTP/2", &http.Server{TLSConfig: config()}, nil, "https",
			&http.Transport{ForceAttemptHTTP2: true}, "HTTP/2.0",
		},
		{
			"TLS, HTTP/1.1", &http.Server{TLSConfig: config()}, nil, "https",
			&http.Transport{Protocols: protocols(h1)}, "HTTP/1.1",
		},
		{
			"a listener of TLS", &http.Server{TLSConfig: config("h2")},
			func(ln net.Listener) net.Listener { return tls.NewListener(ln, config("h2")) }, "https",
			&http.Transport{ForceAttemptHTTP2: true}, "HTTP/2.0",
		},
		{
			"HTTP/2 without TLS", &http.Server{Protocols: protocols(h1, h2c)}, nil, "http",
			&http.Transport{Protocols: protocols(h2c)}, "HTTP/2.0",
		},
	} {
		test.client.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
		t.Run(test.name, func(t *testing.T) { synctest.Test(t, test.run) })
	}
}

func (p *spoken) run(t *testing.T) {
	s := &lastly.Scope{}
	m := newMemory()
	entered := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/polite", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-web.Draining(r.Context())
		_, _ = io.WriteString(w, r.Proto)
	})
	mux.HandleFunc("/rude", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p.srv.Handler = mux
	url := p.scheme + "://memory"
	var ln net.Listener = m
	if p.listen != nil {
		ln = p.listen(m)
	}
	if err := web.Serve(s, p.srv, ln, web.Options{Name: "api"}); err != nil {
		t.Fatal(err)
	}
	p.client.DialContext = m.dial
	defer p.client.CloseIdleConnections()
	c := &http.Client{Transport: p.client}
	polite, rude := make(chan string, 1), make(chan string, 1)
	go func() { polite <- bodyOf(c, url+"/polite") }()
	<-entered // the next one goes over the same connection if the protocol can do that
	go func() { rude <- bodyOf(c, url+"/rude") }()
	synctest.Wait()
	if got := note(t, s, "api"); got != "served 0, in flight 2" {
		t.Errorf("note %q", got)
	}
	err := s.Close()
	var cut *web.CutError
	if !errors.As(err, &cut) || cut.Cut != 1 || cut.What[0] != `GET "/rude"` {
		t.Errorf("got %v", err)
	}
	if got := <-polite; got != p.proto {
		t.Errorf("the polite one got %q, want %q", got, p.proto)
	}
	<-rude
	if got := note(t, s, "api"); got != "served 1, drained 1, cut 1" {
		t.Errorf("note %q", got)
	}
}

// bodyOf is the answer to a request, or the error.
func bodyOf(c *http.Client, url string) string {
	resp, err := c.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// TestHTTP2GoesAway says that HTTP/2 connections are told to go in the second half of the delay, and lose nothing.
func TestHTTP2GoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lastly.Scope{}
		m := newMemory()
		srv := &http.Server{Handler: hello(), Protocols: protocols((*http.Protocols).SetUnencryptedHTTP2)}
		if err := web.Serve(s, srv, m, web.Options{Name: "api", DrainDelay: 4 * time.Second}); err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{DialContext: m.dial, Protocols: protocols((*http.Protocols).SetUnencryptedHTTP2)}
		defer tr.CloseIdleConnections()
		reused := func() bool {
			var again bool
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(info httptrace.GotConnInfo) { again = info.Reused },
			})
			req, err := http.NewRequestWithContext(ctx, "GET", "http://memory/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return false
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); string(body) != "hello" || resp.ProtoMajor != 2 {
				t.Errorf("got %q, %v over %s", body, err, resp.Proto)
			}
			synctest.Wait() // the connection has heard what it had to
			return again
		}
		reused()
		closed := closing(s)
		time.Sleep(time.Second)
		for range 2 {
			if !reused() {
				t.Error("the connection was told to go in the first half of the delay")
			}
		}
		time.Sleep(2 * time.Second)
		if !reused() {
			t.Error("the connection went without an answer")
		}
		if reused() {
			t.Error("the connection was not told to go in the second half of the delay")
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
