package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

// A loss is how a request failed, in the words of whoever talked to the instance: the proxy, or the client if there is none.
type loss string

const (
	refused loss = "refused" // nobody listens there any more
	reset   loss = "reset"   // the connection was reset, or closed for writing
	cut     loss = "EOF"     // the connection was closed before all of the answer had come
	turned  loss = "503"     // turned away, by the instance, or by a proxy that has none
	other   loss = "other"   // a wrong answer, a timeout
)

// losses are the columns, in their order.
func losses() []loss { return []loss{refused, reset, cut, turned, other} }

// lossHeader is by which the proxy tells the client what it met, beside the status 502.
const lossHeader = "Rollout-Loss"

// lossOf tells what the error of a round trip, or of reading an answer, means. That a connection is closed on this side, while
// a request is written to it, is because the other side was.
func lossOf(err error) loss {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), closedIdle(err):
		return cut
	default:
		return other
	}
}

// closedIdle reports whether the server closed a connection while a request was on its way: the classic. net/http does not
// export this error.
func closedIdle(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == "http: server closed idle connection" {
			return true
		}
	}
	return false
}

// lossIn tells what a complete answer means. There is none if the answer is the one that is wanted.
func lossIn(r *http.Response, body, want string) (loss, bool) {
	switch {
	case r.StatusCode == http.StatusBadGateway && r.Header.Get(lossHeader) != "":
		return loss(r.Header.Get(lossHeader)), true
	case r.StatusCode == http.StatusServiceUnavailable:
		return turned, true
	case r.StatusCode != http.StatusOK, body != want:
		return other, true
	default:
		return "", false
	}
}
