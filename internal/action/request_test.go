package action

import (
	"context"
	"crypto/hmac"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A receiver answers with a status for each path, and keeps what it got.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []*http.Request
	body []string
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got, r.body = append(r.got, req), append(r.body, string(body))
		r.mu.Unlock()
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// status answers /404 with 404.
func status(w http.ResponseWriter, req *http.Request) {
	code, err := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
	if err != nil {
		code = http.StatusOK
	}
	w.WriteHeader(code)
}

// do captures and sends.
func do(t *testing.T, r Request, key string) error {
	t.Helper()
	captured, err := r.Capture()
	if err != nil {
		t.Fatal(err)
	}
	return captured.Do(t.Context(), key)
}

func TestStatus(t *testing.T) {
	t.Parallel()
	server := receive(t, status)
	for _, c := range []struct {
		method string
		code   int
		done   bool
	}{
		{"POST", 200, true},
		{"POST", 204, true},
		{"POST", 299, true},
		{"POST", 404, false},
		{"DELETE", 404, true},
		{"DELETE", 410, true},
		{"DELETE", 403, false},
		{"DELETE", 409, false},
		{"PUT", 500, false},
		{"POST", 304, false},
		{"GET", 404, false},
		{"GET", 200, true},
		{"HEAD", 200, true},
	} {
		err := do(t, Request{Method: c.method, URL: server.URL + "/" + strconv.Itoa(c.code)}, "k")
		failed, ok := errors.AsType[*StatusError](err)
		if (err == nil) != c.done || !c.done && (!ok || failed.Code != c.code) {
			t.Errorf("%s %d: %v", c.method, c.code, err)
		}
		if !c.done {
			checkError(t, err, c.method, server.URL, strconv.Itoa(c.code))
		}
	}
}

func TestRequestAsSent(t *testing.T) {
	t.Parallel()
	server := receive(t, status)
	r := Request{
		Method: "POST", URL: server.URL + "/a%2Fb?x=1&y=2", Body: []byte("the body\x00\n"),
		Header:     map[string]string{"x-plain": "plain", "Host": "name.example", "Content-Type": "text/plain"},
		HeaderFrom: map[string]Secret{"Authorization": {File: write(t, "token", "abc\n"), Prefix: "Bearer "}},
	}
	for range 2 {
		if err := do(t, r, "the-key"); err != nil {
			t.Fatal(err)
		}
	}
	for i, got := range server.got {
		for name, want := range map[string]string{
			"X-Plain": "plain", "Content-Type": "text/plain", "Authorization": "Bearer abc", "Idempotency-Key": "the-key", "User-Agent": "lastly",
		} {
			if value := got.Header.Get(name); value != want {
				t.Errorf("%s: %q, want %q", name, value, want)
			}
		}
		if got.Host != "name.example" || got.RequestURI != "/a%2Fb?x=1&y=2" || server.body[i] != string(r.Body) || !got.Close {
			t.Errorf("host %q, target %q, body %q, connection closed: %v", got.Host, got.RequestURI, server.body[i], got.Close)
		}
	}
	if len(server.got) != 2 {
		t.Errorf("%d requests, want 2", len(server.got))
	}
	if err := do(t, Request{Method: "POST", URL: server.URL}, ""); err != nil || server.got[2].Header[KeyHeader] != nil {
		t.Errorf("without a key: %v, %v", err, server.got[2].Header)
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef"
	server := receive(t, func(w http.ResponseWriter, req *http.Request) {
		// As a receiver would check it; the body is empty here.
		at := req.Header.Get(TimeHeader)
		sent, err := strconv.ParseInt(at, 10, 64)
		want := "sha256=" + Sign([]byte(key), req.Method, req.RequestURI, req.Header.Get(KeyHeader), at, nil)
		if err != nil || time.Since(time.Unix(sent, 0)).Abs() > time.Hour || !hmac.Equal([]byte(want), []byte(req.Header.Get("X-Sig"))) {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	sign := &Signature{Key: Secret{File: write(t, "key", key+"\n")}, Header: "X-Sig"}
	r := Request{Method: "DELETE", URL: server.URL + "/a?b=c", Sign: sign}
	if err := do(t, r, "k"); err != nil {
		t.Error(err)
	}
	wrong := *sign
	wrong.Key.File = write(t, "key", "0123456789abcdeF")
	r.Sign = &wrong
	checkError(t, do(t, r, "k"), "403")
	wrong.Key.File = write(t, "key", "short")
	checkError(t, do(t, r, "k"), "less than 16 bytes")
}

// TestSignVector fixes the bytes that are signed: receivers depend on them.
func TestSignVector(t *testing.T) {
	t.Parallel()
	// printf 'POST\n/p?q=1\nkey-1\n1700000000\nbody' | openssl dgst -sha256 -hmac 0123456789abcdef
	const want = "4585cf46514b8eefb9914afbfa2d8723aec5d931bad14bb4b3a702cf675f5240"
	if got := Sign([]byte("0123456789abcdef"), "POST", "/p?q=1", "key-1", "1700000000", []byte("body")); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	other := receive(t, status)
	server := receive(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/here":
			http.Redirect(w, req, "/200", http.StatusFound)
		case "/there":
			http.Redirect(w, req, other.URL+"/200", http.StatusFound)
		case "/https":
			http.Redirect(w, req, "https://"+req.Host+"/200", http.StatusFound)
		case "/round":
			http.Redirect(w, req, "/round", http.StatusFound)
		case "/307":
			http.Redirect(w, req, "/200", http.StatusTemporaryRedirect)
		case "/none":
			w.WriteHeader(http.StatusFound)
		case "/odd":
			w.Header().Set("Location", "http://%zz/"+req.URL.RawQuery)
			w.WriteHeader(http.StatusFound)
		}
	})
	key := Secret{File: write(t, "key", "0123456789abcdef")}
	for _, c := range []struct {
		method, path, want string // the error; empty is success
		sign               *Signature
	}{
		{"GET", "/here", "", nil},
		{"HEAD", "/here", "", nil},
		{"GET", "/here", "302", &Signature{Key: key}},
		{"POST", "/here", "302", nil},
		{"DELETE", "/here", "302", nil},
		{"POST", "/307", "307", nil},
		{"GET", "/there", "302", nil},
		{"GET", "/https", "302", nil},
		{"GET", "/none", "302", nil},
		{"GET", "/odd?q=" + secretWord, "302", nil},
		{"GET", "/round", "redirected more than 5 times", nil},
	} {
		err := do(t, Request{Method: c.method, URL: server.URL + c.path, Sign: c.sign, HeaderFrom: map[string]Secret{"Authorization": key}}, "k")
		if c.want == "" && err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		} else if c.want != "" {
			checkError(t, err, c.want)
		}
		checkHidden(t, c.path, err)
	}
	if len(other.got) > 0 {
		t.Error("another host got the request, with its headers")
	}
}

func TestRequestEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := receive(t, func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-release:
		case <-req.Context().Done():
		}
	})
	defer close(release)
	r := Request{Method: "POST", URL: server.URL}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Do(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	client, err := net.Dial("tcp", server.Listener.Addr().String()) // while it has its port, nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r.URL = "http://" + client.LocalAddr().String() + "/?token=" + secretWord
	err = r.Do(t.Context(), "k")
	checkError(t, err, "POST http://127.0.0.1", "refused", "?token=...")
	checkHidden(t, "refused", err)
}

// TestAnswerIsBounded: an answer without an end takes no more than its beginning.
func TestAnswerIsBounded(t *testing.T) {
	t.Parallel()
	server := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 4096))
		}
	})
	if err := do(t, Request{Method: "POST", URL: server.URL}, "k"); err != nil {
		t.Error(err)
	}
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	ok := Request{Method: "POST", URL: "http://host.example/path"}
	header := func(name, value string) Request {
		r := ok
		r.Header = map[string]string{name: value}
		return r
	}
	from := func(name string, secret Secret) Request {
		r := ok
		r.HeaderFrom = map[string]Secret{name: secret}
		return r
	}
	sign := func(s Signature) Request {
		r := ok
		r.Sign = &s
		return r
	}
	for name, c := range map[string]struct {
		r    Request
		want string
	}{
		"no method":      {Request{URL: ok.URL}, "no method"},
		"odd method":     {Request{Method: "A B", URL: ok.URL}, "no method"},
		"connect":        {Request{Method: "CONNECT", URL: ok.URL}, "no method"},
		"no URL":         {Request{Method: "GET"}, "http://HOST"},
		"relative":       {Request{Method: "GET", URL: "/a"}, "http://HOST"},
		"file":           {Request{Method: "GET", URL: "file:///etc"}, "http://HOST"},
		"no host":        {Request{Method: "GET", URL: "http://:80/"}, "http://HOST"},
		"user":           {Request{Method: "GET", URL: "http://u:" + secretWord + "@h/"}, "HeaderFrom"},
		"user, odd":      {Request{Method: "GET", URL: "http://u:" + secretWord + "%@h/"}, "can't be parsed"},
		"body of a GET":  {Request{Method: "GET", URL: ok.URL, Body: []byte(secretWord)}, "no body"},
		"long body":      {Request{Method: "PUT", URL: ok.URL, Body: make([]byte, MaxBody+1)}, "65537 bytes"},
		"authorization":  {header("authorization", secretWord), "use HeaderFrom"},
		"proxy":          {header("Proxy-Authorization", secretWord), "use HeaderFrom"},
		"cookie":         {header("COOKIE", secretWord), "use HeaderFrom"},
		"api key":        {header("X-Api-Key", secretWord), "use HeaderFrom"},
		"gitlab":         {header("PRIVATE-TOKEN", secretWord), "use HeaderFrom"},
		"vault":          {header("X-Vault-Token", secretWord), "use HeaderFrom"},
		"our key":        {header("idempotency-key", "k"), "set by the sender"},
		"length":         {header("content-length", "1"), "set by the sender"},
		"line break":     {header("X-A", secretWord+"\r\nX-B: c"), "line break"},
		"name":           {header("X A", "b"), "no name of a header"},
		"no name":        {header("", "b"), "no name of a header"},
		"neither":        {from("X-A", Secret{}), "either"},
		"both":           {from("X-A", Secret{Env: "A", File: "b"}), "either"},
		"value":          {from("X-A", Secret{Env: "A=" + secretWord}), "has a value"},
		"prefix":         {from("X-A", Secret{Env: "A", Prefix: "\n"}), "prefix"},
		"sign by nobody": {sign(Signature{}), "either"},
		"sign, prefix":   {sign(Signature{Key: Secret{Env: "A", Prefix: "p"}}), "prefix"},
		"sign in ours":   {sign(Signature{Key: Secret{Env: "A"}, Header: TimeHeader}), "set by the sender"},
		"twice": {Request{
			Method: "PUT", URL: ok.URL,
			Header: map[string]string{"x-a": "1"}, HeaderFrom: map[string]Secret{"X-A": {Env: "A"}},
		}, "twice"},
		"twice, signed": {Request{
			Method: "PUT", URL: ok.URL, Header: map[string]string{"x-lastly-signature": "1"}, Sign: &Signature{Key: Secret{Env: "A"}},
		}, "twice"},
	} {
		_, err := c.r.Capture()
		for _, err := range []error{err, c.r.Check(), c.r.Do(t.Context(), "k")} {
			checkError(t, err, c.want)
			checkHidden(t, name, err)
		}
		checkHidden(t, name, c.r)
	}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
	checkError(t, ok.Do(t.Context(), "a\nb"), "idempotency key")
}

func TestMissingSecrets(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		secret Secret
		want   string
	}{
		{Secret{Env: "LASTLY_TEST_NOT_SET"}, "LASTLY_TEST_NOT_SET is not set"},
		{Secret{File: none}, none},
		{Secret{File: write(t, "secret", secretWord+"\nand more")}, "line break"},
	} {
		r := Request{Method: "POST", URL: "http://127.0.0.1:1/", HeaderFrom: map[string]Secret{"X-A": c.secret}}
		err := r.Do(t.Context(), "k")
		checkError(t, err, "X-A", c.want)
		checkHidden(t, c.want, err)
	}
}

// TestRequestHides: what was sent is in no text, also when the server sends it back in a broken answer.
func TestRequestHides(t *testing.T) {
	t.Parallel()
	server := receive(t, func(w http.ResponseWriter, req *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ") + " " + req.URL.RawQuery + "\r\n\r\n"))
		_ = conn.Close()
	})
	r := Request{
		Method: "POST", URL: server.URL + "/?" + secretWord + "&a=" + secretWord + "%20b", Body: []byte(secretWord),
		Header:     map[string]string{"X-A": secretWord},
		HeaderFrom: map[string]Secret{"Authorization": {File: write(t, "token", secretWord), Prefix: "Bearer "}},
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("request", "request", r)
	checkHidden(t, "a logger", log.String())
	err := do(t, r, "k")
	checkError(t, err, `malformed HTTP status code "[redacted]&a=[redacted]"`)
	checkHidden(t, "an error", err)
	checkHidden(t, "the request", r)
	if s, want := r.String(), "POST "+server.URL+"/?...&a=..."; s != want {
		t.Errorf("%s, want %s", s, want)
	}
}

func TestCaptureRequest(t *testing.T) {
	t.Parallel()
	r := Request{
		Method: "PUT", URL: "http://h.example/", HeaderFrom: map[string]Secret{"X-A": {File: "a"}, "X-B": {Env: "B"}},
		Sign: &Signature{Key: Secret{File: "k"}},
	}
	captured, err := r.Capture()
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(captured.HeaderFrom["X-A"].File) || captured.HeaderFrom["X-B"].File != "" || !filepath.IsAbs(captured.Sign.Key.File) {
		t.Errorf("%+v, %+v", captured.HeaderFrom, captured.Sign)
	}
	if r.HeaderFrom["X-A"].File != "a" || r.Sign.Key.File != "k" {
		t.Error("the original was changed")
	}
}
