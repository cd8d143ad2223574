package main

import (
	"io"
	"net"
	"net/http"
	"time"
)

// once is a transport that keeps connections alive, and sends every request once at most.
//
// An [http.Transport] sends a request a second time, on another connection, when the first one had been used before and broke,
// and the request is idempotent, or nothing of it was written. It takes requests for such that have no body, or one
// that it can rewind. So once gives every request a body that can't be rewound; one that is empty is not sent at all.
type once struct{ *http.Transport }

// newOnce keeps up to idle connections to each host, without a limit in time.
func newOnce(idle int) once {
	return once{&http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: idle,
		DisableCompression:  true,
	}}
}

// newFresh makes a connection for every request, and so sends it once as well.
func newFresh() once {
	o := newOnce(0)
	o.DisableKeepAlives = true
	return o
}

// RoundTrip changes the request, which is this program's own in all places that call it.
func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	r.GetBody = nil
	if r.Body == nil || r.Body == http.NoBody {
		r.Body = io.NopCloser(eof{})
	}
	return o.Transport.RoundTrip(r)
}

// eof is an empty body of a type that net/http does not know.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
