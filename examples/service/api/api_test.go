package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/internal/ownjournal"
	"github.com/lastly-go/lastly/web"
)

func TestMain(m *testing.M) { os.Exit(ownjournal.Main(m)) }

// fixture is a server over a backend in memory.
type fixture struct {
	scope  lastly.Scope
	server *Server
	url    string
	kept   string
	temp   string

	add     func(ctx context.Context, id, text string) error
	convert func(ctx context.Context, in, out string) error
	count   atomic.Int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{kept: t.TempDir(), temp: t.TempDir()}
	f.add = func(context.Context, string, string) error { return nil }
	f.convert = func(_ context.Context, _, out string) error { return os.WriteFile(out, []byte("thumb"), 0o600) }
	f.server = New(Backend{
		Add: func(ctx context.Context, id, text string) error { return f.add(ctx, id, text) },
		Save: func(name string, r io.Reader) (string, error) {
			image, err := io.ReadAll(r)
			if err != nil {
				return "", err
			}
			path := filepath.Join(f.kept, name)
			return path, os.WriteFile(path, image, 0o600)
		},
		Temp: func() (string, error) {
			path := filepath.Join(f.temp, "thumb")
			return path, os.WriteFile(path, nil, 0o600)
		},
		Convert: func(ctx context.Context, in, out string) error { return f.convert(ctx, in, out) },
		Count:   func() { f.count.Add(1) },
		Log:     slog.New(slog.DiscardHandler),
	})
	return f
}

// start serves until the test ends.
func (f *fixture) start(t *testing.T) {
	t.Helper()
	addrFile := filepath.Join(t.TempDir(), "addr")
	if _, err := f.server.Register(&f.scope, "127.0.0.1:0", addrFile); err != nil {
		t.Fatal(err)
	}
	addr, err := os.ReadFile(addrFile)
	if err != nil {
		t.Fatal(err)
	}
	f.url = "http://" + strings.TrimSpace(string(addr))
	t.Cleanup(func() {
		if err := f.scope.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(addrFile); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("address file after the end: %v, want it gone", err)
		}
		if _, err := http.Get(f.url); err == nil {
			t.Error("the server still answers after the end")
		}
	})
}

// startByHand serves without a scope.
func (f *fixture) startByHand(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.url = "http://" + ln.Addr().String()
	f.server.Start(ln)
}

// post reports the status and the body of the answer, and whether 102 came before it.
func (f *fixture) post(t *testing.T, path, body string) (status int, answer string, announced bool) {
	t.Helper()
	var seen atomic.Bool
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		seen.Store(code == http.StatusProcessing)
		return nil
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), seen.Load()
}

func TestRow(t *testing.T) {
	f := newFixture(t)
	var got string
	f.add = func(_ context.Context, id, text string) error {
		got = id + "=" + text
		return nil
	}
	f.start(t)
	status, _, announced := f.post(t, "/rows/7", "hello")
	if status != http.StatusCreated || !announced || got != "7=hello" {
		t.Errorf("status %d, announced %v, row %q; want 201, true and 7=hello", status, announced, got)
	}
	if n := f.count.Load(); n != 1 {
		t.Errorf("%d requests counted, want 1", n)
	}
}

func TestImage(t *testing.T) {
	f := newFixture(t)
	var row string
	f.add = func(_ context.Context, id, text string) error {
		row = id + "=" + text
		return nil
	}
	f.start(t)
	status, body, announced := f.post(t, "/images/7", "png")
	if status != http.StatusCreated || body != "thumb" || !announced {
		t.Errorf("status %d, body %q, announced %v; want 201, the thumbnail, true", status, body, announced)
	}
	if row != "7=thumbnail of 5 bytes" {
		t.Errorf("row %q", row)
	}
	if left, err := os.ReadDir(f.temp); err != nil || len(left) != 0 {
		t.Errorf("left of the thumbnail: %v, %v", left, err)
	}
	if image, err := os.ReadFile(filepath.Join(f.kept, "7.png")); err != nil || string(image) != "png" {
		t.Errorf("kept %q, %v; want the image", image, err)
	}
}

func TestFailures(t *testing.T) {
	f := newFixture(t)
	broken := errors.New("broken")
	f.add = func(context.Context, string, string) error { return broken }
	f.start(t)
	for _, test := range []struct {
		name, path, body string
		convert          error
		want             int
	}{
		{"row not stored", "/rows/7", "hello", nil, http.StatusInternalServerError},
		{"row too long", "/rows/7", strings.Repeat("x", maxText+1), nil, http.StatusBadRequest},
		{"row of image not stored", "/images/7", "png", nil, http.StatusInternalServerError},
		{"image not converted", "/images/7", "png", broken, http.StatusInternalServerError},
		{"image too large", "/images/7", strings.Repeat("x", maxImage+1), nil, http.StatusBadRequest},
		{"no such path", "/nothing", "", nil, http.StatusNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.convert = func(context.Context, string, string) error { return test.convert }
			if test.convert == nil {
				f.convert = func(_ context.Context, _, out string) error { return os.WriteFile(out, nil, 0o600) }
			}
			if status, _, _ := f.post(t, test.path, test.body); status != test.want {
				t.Errorf("status %d, want %d", status, test.want)
			}
		})
	}
}

func TestEndWaitsForRequestsAndKeepsWhatTheyUse(t *testing.T) {
	f := newFixture(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	var over atomic.Bool
	f.add = func(ctx context.Context, _, _ string) error {
		close(entered)
		<-web.Draining(ctx) // the server takes nothing new, but this request is still in flight
		<-leave
		over.Store(true)
		return nil
	}
	f.start(t)
	// Each of these must outlive the request, though they are registered after the server.
	for _, name := range []string{"batch", "upload", "convert"} {
		lastly.DeferIn(&f.scope, name, func() error {
			if !over.Load() {
				return fmt.Errorf("%s ended before the request that uses it", name)
			}
			return nil
		})
	}
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Post(f.url+"/rows/7", "text/plain", nil)
		if err != nil {
			answered <- err.Error()
			return
		}
		resp.Body.Close()
		answered <- resp.Status
	}()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- f.scope.Close() }()
	close(leave)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got := <-answered; got != "201 Created" {
		t.Errorf("the request got %q, want 201 Created", got)
	}
}

func TestShutdownCutsOffWhatIsLate(t *testing.T) {
	f := newFixture(t)
	entered := make(chan struct{})
	f.add = func(ctx context.Context, _, _ string) error {
		close(entered)
		<-ctx.Done() // until the connection is cut
		return ctx.Err()
	}
	f.startByHand(t)
	told := make(chan struct{})
	f.server.OnShutdown(func() { close(told) })
	lost := make(chan error, 1)
	go func() {
		resp, err := http.Post(f.url+"/rows/7", "", nil)
		if err == nil {
			resp.Body.Close()
		}
		lost <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want context.Canceled", err)
	}
	if err := <-lost; err == nil {
		t.Error("the late request got an answer")
	}
	<-told
}

func TestRegisterFailsAndLeavesNothing(t *testing.T) {
	f := newFixture(t)
	missing := filepath.Join(t.TempDir(), "missing", "addr")
	if _, err := f.server.Register(&f.scope, "127.0.0.1:0", missing); err == nil {
		t.Error("no error, though the address file can't be written")
	}
	if _, err := New(Backend{Log: slog.New(slog.DiscardHandler)}).Register(&f.scope, "no address", missing); err == nil {
		t.Error("no error for an address that is none")
	}
	if err := f.scope.Close(); err != nil {
		t.Error(err)
	}
}

func TestServeFailure(t *testing.T) {
	f := newFixture(t)
	f.server.Start(brokenListener{})
	if err := <-f.server.Failed(); !errors.Is(err, errBroken) {
		t.Errorf("Failed: %v, want %v", err, errBroken)
	}
}
