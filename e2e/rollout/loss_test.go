package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func TestLossOf(t *testing.T) {
	tests := []struct {
		err  error
		want loss
	}{
		{&url.Error{Err: syscall.ECONNREFUSED}, refused},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), reset},
		{fmt.Errorf("write: %w", syscall.EPIPE), reset},
		{io.ErrUnexpectedEOF, cut},
		{fmt.Errorf("broken: %w", io.EOF), cut},
		{fmt.Errorf("write: %w", net.ErrClosed), cut},
		{fmt.Errorf("x: %w", errors.New("http: server closed idle connection")), cut},
		{errors.New("out of luck"), other},
	}
	for _, tt := range tests {
		if got := lossOf(tt.err); got != tt.want {
			t.Errorf("%v is %q, want %q", tt.err, got, tt.want)
		}
	}
}

// breaking answers the first request of each connection, and closes the connection when a second one has come.
func breaking(t *testing.T, requests *atomic.Int32) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if n := requests.Add(1); n == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func send(transport http.RoundTripper, method, to, body string) error {
	var b io.Reader = http.NoBody
	if body != "" {
		b = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, to, b)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return err
}

// TestOnce wants no request to be sent twice, and shows that net/http alone does so: else losses would be hidden.
func TestOnce(t *testing.T) {
	for _, tt := range []struct {
		name         string
		transport    http.RoundTripper
		method, body string
		lost         bool
		requests     int32
	}{
		{"once, GET", newOnce(1), http.MethodGet, "", true, 2},
		{"once, GET with a body", newOnce(1), http.MethodGet, "body", true, 2},
		{"once, POST", newOnce(1), http.MethodPost, "body", true, 2},
		{"net/http, GET", &http.Transport{}, http.MethodGet, "", false, 3},
		{"net/http, GET with a body", &http.Transport{}, http.MethodGet, "body", false, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var requests atomic.Int32
			server := breaking(t, &requests)
			if err := send(tt.transport, tt.method, server.URL, tt.body); err != nil {
				t.Fatal(err)
			}
			err := send(tt.transport, tt.method, server.URL, tt.body)
			if (err != nil) != tt.lost || requests.Load() != tt.requests {
				t.Errorf("error %v after %d requests, want one: %t, after %d", err, requests.Load(), tt.lost, tt.requests)
			}
			if err != nil && lossOf(err) != cut {
				t.Errorf("%v is %q, want %q", err, lossOf(err), cut)
			}
		})
	}
}

// TestOnceSendsNoBody wants a GET to look like any other.
func TestOnceSendsNoBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			http.Error(w, fmt.Sprint(r.ContentLength, r.TransferEncoding), http.StatusTeapot)
		}
	}))
	defer server.Close()
	r, err := http.NewRequest(http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := newOnce(1).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		t.Errorf("sent a body: %s", text)
	}
}
