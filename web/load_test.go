package web_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/web"
)

// TestCountsAddUp closes a server in the middle of everything at once: requests over all protocols, some that end, some that
// never do, and connections that are taken over. Whatever came to a handler is served or cut, once.
func TestCountsAddUp(t *testing.T) {
	cert, pool := certificate()
	s := &lastly.Scope{}
	ln := loopback(t)
	var came atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/quick", func(w http.ResponseWriter, _ *http.Request) { came.Add(1); _, _ = io.WriteString(w, "quick") })
	mux.HandleFunc("/told", func(_ http.ResponseWriter, r *http.Request) { came.Add(1); <-web.Draining(r.Context()) })
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { came.Add(1); <-r.Context().Done() })
	lines := takeOver(t)
	mux.HandleFunc("/rude", func(w http.ResponseWriter, r *http.Request) { came.Add(1); lines.ServeHTTP(w, r) })
	mux.HandleFunc("/polite", func(w http.ResponseWriter, r *http.Request) { came.Add(1); lines.ServeHTTP(w, r) })
	srv := &http.Server{Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	if err := web.Serve(s, srv, ln, web.Options{Name: "api", Timeout: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for _, proto := range []*http.Protocols{protocols((*http.Protocols).SetHTTP1), protocols((*http.Protocols).SetHTTP2)} {
		tr := &http.Transport{Protocols: proto, TLSClientConfig: &tls.Config{RootCAs: pool}}
		defer tr.CloseIdleConnections()
		for _, path := range []string{"/quick", "/quick", "/told", "/hangs"} {
			group.Go(func() {
				for ok := true; ok; {
					ok = fetched(&http.Client{Transport: tr}, "https://"+ln.Addr().String()+path)
				}
			})
		}
	}
	for _, path := range []string{"/polite", "/rude", "/rude"} {
		nc, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool})
		if err != nil {
			t.Fatal(err)
		}
		upgrade(t, net.Conn(nc), path)
	}
	testproc.Poll(t, "some load", func() bool { return came.Load() > 200 })
	err := s.Close()
	group.Wait()
	text := note(t, s, "api")
	found := regexp.MustCompile(`^served (\d+), drained (\d+), cut (\d+)$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("note %q, close %v", text, err)
	}
	served, _ := strconv.ParseInt(found[1], 10, 64)
	cut, _ := strconv.ParseInt(found[3], 10, 64)
	if served+cut != came.Load() || cut != 4 {
		t.Errorf("%d requests came, the report says %q, the error %v", came.Load(), text, err)
	}
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
