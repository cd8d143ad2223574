package action

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Request is an HTTP request. It may be sent more than once, each time with the same idempotency key.
//
// URL, Header and Body are written to disk, so that secrets must not be in them: HeaderFrom takes headers from where the
// request is sent.
type Request struct {
	Method     string            `json:"method"`
	URL        string            `json:"url"`                   // http or https, absolute, without user and password
	Header     map[string]string `json:"header,omitempty"`      // no secrets; "Host" is the request's host
	HeaderFrom map[string]Secret `json:"header_from,omitempty"` // headers whose values are read when the request is sent
	Body       []byte            `json:"body,omitempty"`        // at most MaxBody
	Sign       *Signature        `json:"sign,omitempty"`        // nil: not signed
}

// A Secret says where a secret is. Exactly one of Env and File is set.
type Secret struct {
	Env    string `json:"env,omitempty"`    // a variable of the process that needs it
	File   string `json:"file,omitempty"`   // a file; a newline at its end is not part of the secret
	Prefix string `json:"prefix,omitempty"` // is put before a header's value: "Bearer "
}

// A Signature lets the receiver check that the request comes from who has the key, and is for him.
type Signature struct {
	Key    Secret `json:"key"`              // of HMAC-SHA256; 16 bytes or more
	Header string `json:"header,omitempty"` // DefaultSignatureHeader if empty
}

const (
	// MaxBody is how long a request's body can be.
	MaxBody = 64 << 10

	// DefaultSignatureHeader has "sha256=" and the result of Sign.
	DefaultSignatureHeader = "X-Lastly-Signature"

	// TimeHeader has the seconds since 1970 when a signed request was sent.
	TimeHeader = "X-Lastly-Time"

	// KeyHeader has the idempotency key.
	KeyHeader = "Idempotency-Key"
)

// Check says what is wrong with the request.
func (r Request) Check() error {
	if err := r.check(); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	return nil
}

func (r Request) check() error {
	if !isToken(r.Method) || strings.EqualFold(r.Method, http.MethodConnect) {
		return fmt.Errorf("%q is no method: it is needed, DELETE or POST for example", r.Method)
	}
	if _, err := r.parse(); err != nil {
		return err
	}
	if len(r.Body) > MaxBody {
		return fmt.Errorf("the body has %d bytes, the most is %d: let the receiver fetch what it needs", len(r.Body), MaxBody)
	}
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && len(r.Body) > 0 {
		return fmt.Errorf("a %s has no body: use POST", r.Method)
	}
	return r.checkHeaders()
}

// parse never quotes the URL in its errors: what is malformed can have a password in it.
func (r Request) parse() (*url.URL, error) {
	u, err := url.Parse(r.URL)
	switch {
	case err != nil:
		return nil, errors.New("the URL can't be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("the URL has to begin with http://HOST or https://HOST")
	case u.User != nil:
		return nil, errors.New("the URL has a user in it, which would be written to disk: use HeaderFrom with Authorization")
	}
	return u, nil
}

func (r Request) checkHeaders() error {
	seen := make(map[string]bool)
	once := func(name string) error {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !isToken(name):
			return fmt.Errorf("%q is no name of a header", name)
		case isOurs(canonical):
			return fmt.Errorf("the header %s is set by the sender itself: leave it out", canonical)
		case seen[canonical]:
			return fmt.Errorf("the header %s is there twice", canonical)
		}
		seen[canonical] = true
		return nil
	}
	for _, name := range sortedKeys(r.Header) {
		if err := once(name); err != nil {
			return err
		}
		if isSecretName(name) {
			return fmt.Errorf("the header %s has a secret, which would be written to disk: use HeaderFrom", name)
		}
		if !isValue(r.Header[name]) {
			return fmt.Errorf("the value of the header %s has a line break or another control character", name)
		}
	}
	for _, name := range sortedKeys(r.HeaderFrom) {
		if err := once(name); err != nil {
			return err
		}
		if err := r.HeaderFrom[name].check(); err != nil {
			return fmt.Errorf("the header %s: %w", name, err)
		}
	}
	if r.Sign == nil {
		return nil
	}
	if err := once(r.Sign.header()); err != nil {
		return err
	}
	if err := r.Sign.Key.check(); err != nil {
		return fmt.Errorf("the key of the signature: %w", err)
	}
	if r.Sign.Key.Prefix != "" {
		return errors.New("the key of the signature has a prefix: prefixes are for headers")
	}
	return nil
}

func (s Signature) header() string {
	if s.Header == "" {
		return DefaultSignatureHeader
	}
	return s.Header
}

func (s Secret) check() error {
	switch {
	case (s.Env == "") == (s.File == ""):
		return errors.New("a secret is either in a variable (Env) or in a file (File)")
	case !isValue(s.Prefix):
		return errors.New("the prefix has a line break or another control character")
	case s.Env != "":
		return checkVariable(s.Env)
	}
	return nil
}

// read returns the secret, without its prefix.
func (s Secret) read() (string, error) {
	if s.File != "" {
		return readSecret(s.File)
	}
	value := os.Getenv(s.Env)
	if value == "" {
		return "", fmt.Errorf("the variable %s is not set in this process, which sends the request: set it here, or have it read from a file", s.Env)
	}
	return value, nil
}

// Capture makes the paths of secrets absolute. It does not read them, and sends nothing.
func (r Request) Capture() (Request, error) {
	if err := r.Check(); err != nil {
		return r, err
	}
	captured := r
	captured.HeaderFrom = maps.Clone(r.HeaderFrom)
	for name, secret := range captured.HeaderFrom {
		if err := secret.capture(); err != nil {
			return r, fmt.Errorf("request: %w", err)
		}
		captured.HeaderFrom[name] = secret
	}
	if r.Sign != nil {
		sign := *r.Sign
		if err := sign.Key.capture(); err != nil {
			return r, fmt.Errorf("request: %w", err)
		}
		captured.Sign = &sign
	}
	return captured, nil
}

func (s *Secret) capture() (err error) {
	if s.File != "" {
		s.File, err = filepath.Abs(s.File)
	}
	return err
}

// String shows the method and the URL without the values of its query.
func (r Request) String() string { return r.Method + " " + r.target() }

// target is the URL as errors show it.
func (r Request) target() string {
	u, err := r.parse()
	if err != nil {
		return "(a URL that is not shown: " + err.Error() + ")"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	text := shown.String()
	if u.RawQuery != "" {
		var parts []string
		for part := range strings.SplitSeq(u.RawQuery, "&") {
			name, _, named := strings.Cut(part, "=")
			if !named {
				name = "" // it is itself the value
			} else {
				name += "="
			}
			parts = append(parts, name+"...")
		}
		text += "?" + strings.Join(parts, "&")
	}
	return shorten(text, 300)
}

// isOurs are headers that the sender or the protocol sets.
func isOurs(canonical string) bool {
	switch canonical {
	case KeyHeader, TimeHeader, "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Te", "Trailer", "Proxy-Connection":
		return true
	}
	return false
}

// isSecretName knows the headers that have secrets, and those that are called so.
func isSecretName(name string) bool {
	lower := strings.ToLower(name)
	for _, part := range []string{"authorization", "cookie", "token", "secret", "password", "passwd", "credential", "api-key", "apikey", "api_key", "access-key", "private-key", "auth-key"} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	return lower == "x-auth" || lower == "x-amz-signature"
}

// isToken is the grammar of RFC 9110, section 5.6.2.
func isToken(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// isValue reports whether a header can have the value: no control characters but the tab, RFC 9110, section 5.5.
func isValue(value string) bool {
	return strings.IndexFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) < 0
}
