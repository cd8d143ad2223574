package action

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lastly-go/lastly/internal/proc"
)

const (
	maxRedirects = 5
	maxAnswer    = 64 << 10
	minKey       = 16
)

// A StatusError is an answer that does not say that it is done.
type StatusError struct {
	Code int // of HTTP
}

func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the answer was %d %s", e.Code, http.StatusText(e.Code)))
}

// Do sends the request, once. 2xx is success, and so are 404 and 410 for DELETE: what is not there needs no deleting. Any
// other answer is a *StatusError. Without a deadline the context is bounded by DefaultLimit. The idempotency key goes into the header
// Idempotency-Key, unless it is empty: the same for each attempt of the same cleanup.
//
// Only GET and HEAD follow redirects, at most five, to the same scheme and host, and not when they are signed. A proxy is
// taken from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, read once in a process), since what is reached through one when
// the request is registered is not reached without later; not in a set-uid program, whose environment is its caller's. No
// connection, cookie or credential is shared with the program's other clients, and none is kept. Of the answer's body 64 KiB are
// read and dropped.
func (r Request) Do(ctx context.Context, key string) error {
	if err := r.do(ctx, key); err != nil {
		return fmt.Errorf("%v: %w", r, err)
	}
	return nil
}

func (r Request) do(ctx context.Context, key string) error {
	if err := r.check(); err != nil {
		return err
	}
	if !isValue(key) {
		return errors.New("the idempotency key has control characters")
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	u, err := r.parse()
	if err != nil {
		return err
	}
	header, secrets, err := r.header(u, key, time.Now())
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer, Proxy: proxy}
	defer transport.CloseIdleConnections()
	for range maxRedirects + 1 {
		code, location, err := r.send(ctx, transport, u, header)
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return unquoted(err, append(secrets, queryValues(u)...))
		}
		next := r.redirect(u, code, location)
		if next == nil {
			return r.judge(code)
		}
		u = next
	}
	return fmt.Errorf("redirected more than %d times", maxRedirects)
}

// proxy is the environment's, if that can be believed.
func proxy(req *http.Request) (*url.URL, error) {
	if proc.Secure() {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

// unquoted is the error without secrets. The network's errors have none, but a server that breaks the protocol is quoted,
// and it can send back what it got.
func unquoted(err error, secrets []string) error {
	if text := redact(err.Error(), secrets); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// queryValues are the values of a query that are long enough to be worth hiding in a text about something else.
func queryValues(u *url.URL) []string {
	const worth = 4
	var found []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		value := part[strings.IndexByte(part, '=')+1:] // without a name it is all value
		if plain, err := url.QueryUnescape(value); err == nil && len(plain) >= worth {
			found = append(found, plain)
		}
		if len(value) >= worth {
			found = append(found, value)
		}
	}
	return found
}

// header builds all headers, and returns what is secret in them.
func (r Request) header(u *url.URL, key string, now time.Time) (header http.Header, secrets []string, err error) {
	header = make(http.Header)
	for name, value := range r.Header {
		header.Set(name, value)
	}
	for name, from := range r.HeaderFrom {
		value, err := from.read()
		if err != nil {
			return nil, nil, fmt.Errorf("the header %s: %w", name, err)
		}
		secrets = append(secrets, value)
		if !isValue(value) {
			return nil, nil, fmt.Errorf("the header %s: the secret has a line break or another control character", name)
		}
		header.Set(name, from.Prefix+value)
	}
	if key != "" {
		header.Set(KeyHeader, key)
	}
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "lastly")
	}
	if r.Sign == nil {
		return header, secrets, nil
	}
	secret, err := r.Sign.Key.read()
	if err != nil {
		return nil, nil, fmt.Errorf("the key of the signature: %w", err)
	}
	secrets = append(secrets, secret)
	if len(secret) < minKey {
		return nil, nil, fmt.Errorf("the key of the signature has less than %d bytes: it could be guessed", minKey)
	}
	at := strconv.FormatInt(now.Unix(), 10)
	header.Set(TimeHeader, at)
	header.Set(r.Sign.header(), "sha256="+Sign([]byte(secret), r.Method, u.RequestURI(), key, at, r.Body))
	return header, secrets, nil
}

// Sign is the signature of a request: HMAC-SHA256 in hexadecimal, with the key, over these bytes, each but the last
// followed by a newline (10):
//
//	the method, as sent
//	the request target, as sent: path and query, without scheme and host
//	the value of Idempotency-Key; nothing if it is not sent
//	the value of X-Lastly-Time: seconds since 1970, decimal
//	the body
//
// So a signature is good for nothing else: a body alone would sign every DELETE alike. A receiver compares in constant time
// (hmac.Equal), refuses times that are far from its own, and remembers the idempotency keys of that while. A key belongs to one
// receiver: the host is not signed, because proxies change it. One that changes the path breaks the signature.
func Sign(key []byte, method, target, idempotencyKey, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, line := range []string{method, target, idempotencyKey, at} {
		_, _ = io.WriteString(mac, line+"\n") // never fails
	}
	_, _ = mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// send is one exchange. The transport is used without an http.Client, whose errors have the URL in them, and of redirects
// the answer's, too.
func (r Request) send(ctx context.Context, transport *http.Transport, u *url.URL, header http.Header) (code int, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return 0, "", errors.New("the request can't be built from its method and URL")
	}
	req.Header = header.Clone()
	req.Host = req.Header.Get("Host") // empty: that of the URL
	req.Header.Del("Host")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status is the answer
	return resp.StatusCode, resp.Header.Get("Location"), nil
}

// redirect returns where to go on; nil if the answer is final.
func (r Request) redirect(from *url.URL, code int, location string) *url.URL {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	if location == "" || r.Sign != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	to, err := from.Parse(location)
	if err != nil || to.Scheme != from.Scheme || !strings.EqualFold(to.Host, from.Host) || to.User != nil {
		return nil
	}
	return to
}

func (r Request) judge(code int) error {
	switch {
	case code >= 200 && code <= 299:
		return nil
	case r.Method == http.MethodDelete && (code == http.StatusNotFound || code == http.StatusGone):
		return nil
	}
	return &StatusError{Code: code}
}
