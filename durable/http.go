package durable

import (
	"context"

	"github.com/lastly-go/lastly/internal/action"
)

// HTTP sends a request: to release what another service keeps for this program.
//
// Any status of 2xx is done; for DELETE, 404 and 410 are too. It may be sent more than once, each time with the same
// Idempotency-Key: the record's ID. Redirects are followed for GET and HEAD only, and on the same host. It is over when
// the hook's Timeout is (10 s if that is 0).
var HTTP = define("http", captureRequest, func(ctx context.Context, r Request) error { return r.action().Do(ctx, keyFrom(ctx)) })

// A Request is the payload of HTTP. It is written to disk, but for what HeaderFrom and Sign refer to: no secret may be
// in it.
type Request struct {
	Method     string            `json:"method"`
	URL        string            `json:"url"`                   // http or https, without user and password
	Header     map[string]string `json:"header,omitempty"`      // Authorization, Cookie and the like are refused here
	HeaderFrom map[string]Secret `json:"header_from,omitempty"` // headers whose values are read when the request is sent
	Body       []byte            `json:"body,omitempty"`
	Sign       *Signature        `json:"sign,omitempty"` // nil: not signed
}

// A Secret says where a secret is: in a variable of the process that settles (a guard has this process's environment), or
// in a file. Exactly one of Env and File is set.
type Secret struct {
	Env    string `json:"env,omitempty"`
	File   string `json:"file,omitempty"`   // a newline at its end is not part of the secret
	Prefix string `json:"prefix,omitempty"` // what a header's value begins with: "Bearer "
}

// A Signature lets the receiver check who sent the request: "sha256=" and the HMAC-SHA256, in hexadecimal, of the method,
// the path with its query, the idempotency key, the header X-Lastly-Time and the body, joined by newlines; see
// docs/durable.md.
type Signature struct {
	Key    Secret `json:"key"`              // 16 bytes or more
	Header string `json:"header,omitempty"` // "" is X-Lastly-Signature
}

func (r Request) action() action.Request {
	a := action.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body}
	if r.HeaderFrom != nil {
		a.HeaderFrom = make(map[string]action.Secret, len(r.HeaderFrom))
		for name, s := range r.HeaderFrom {
			a.HeaderFrom[name] = action.Secret(s)
		}
	}
	if r.Sign != nil {
		a.Sign = &action.Signature{Key: action.Secret(r.Sign.Key), Header: r.Sign.Header}
	}
	return a
}

func captureRequest(r Request) (Request, error) {
	a, err := r.action().Capture()
	if err != nil {
		return r, err
	}
	r = Request{Method: a.Method, URL: a.URL, Header: a.Header, Body: a.Body}
	if a.HeaderFrom != nil {
		r.HeaderFrom = make(map[string]Secret, len(a.HeaderFrom))
		for name, s := range a.HeaderFrom {
			r.HeaderFrom[name] = Secret(s)
		}
	}
	if a.Sign != nil {
		r.Sign = &Signature{Key: Secret(a.Sign.Key), Header: a.Sign.Header}
	}
	return r, nil
}

// String is the method and the URL, without the values of its query.
func (r Request) String() string { return r.action().String() }
