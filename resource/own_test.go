package resource_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// called counts the methods of a double that were called.
type called struct{ names []string }

func (c *called) add(name string) { c.names = append(c.names, name) }

// One type for each shape that Own knows. What they embed has methods that must not win.
type (
	flushes   struct{ called }
	syncs     struct{ flushes }
	stops     struct{ flushes }
	closes    struct{ stops }
	drains    struct{ closes }
	shutsDown struct{ drains }
	grpc      struct{ shutsDown }
)

func (f *flushes) Flush() error                     { f.add("Flush"); return nil }
func (s *syncs) Sync() error                        { s.add("Sync"); return nil }
func (s *stops) Stop()                              { s.add("Stop") }
func (c *closes) Close() error                      { c.add("Close"); return nil }
func (d *drains) Drain() error                      { d.add("Drain"); return nil }
func (s *shutsDown) Shutdown(context.Context) error { s.add("Shutdown"); return nil }
func (g *grpc) GracefulStop()                       { g.add("GracefulStop") }

// TestOwnWhichWins goes down the table in Own's doc: each double has the method of its row, and those of all rows below.
func TestOwnWhichWins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		x    any
		of   func(any) []string
		want string
		note string
	}{
		{new(grpc), func(x any) []string { return x.(*grpc).names }, "GracefulStop", "GracefulStop, at the deadline Stop"},
		{new(shutsDown), func(x any) []string { return x.(*shutsDown).names }, "Shutdown", "Shutdown, at the deadline Close"},
		{new(drains), func(x any) []string { return x.(*drains).names }, "Drain", "Drain, at the deadline Close"},
		{new(closes), func(x any) []string { return x.(*closes).names }, "Close", "Close"},
		{new(stops), func(x any) []string { return x.(*stops).names }, "Stop", "Stop"},
		{new(syncs), func(x any) []string { return x.(*syncs).names }, "Flush", "Flush"},
	} {
		var s lastly.Scope
		resource.Own(&s, "it", c.x)
		if h := s.Report().Hooks[0]; h.Name != "it" || h.Note != c.note {
			t.Errorf("%T: planned as %q with note %q, want %q", c.x, h.Name, h.Note, c.note)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%T: %v", c.x, err)
		}
		if got := c.of(c.x); len(got) != 1 || got[0] != c.want {
			t.Errorf("%T: called %q, want %s", c.x, got, c.want)
		}
	}
}

// Of what real libraries have, by shape.
type (
	pool      struct{ called }               // pgxpool.Pool
	conn      struct{ called }               // pgx.Conn
	redis     struct{ called }               // a Shutdown that is a command for the server
	zapLogger struct{ err error }            // zap.Logger
	fiber     struct{ called }               // waits for ever without a context
	kgo       struct{ called }               // a Close that drops what is buffered
	kgoPanics struct{ kgo }                  // the same, broken
	sentry    struct{ ok bool }              // Flush(time.Duration) bool
	cron      struct{ jobs context.Context } // Stop returns a context
	channel   struct{ over chan struct{} }   // Stop returns a channel
	consumer  struct{ over chan struct{} }   // jetstream's ConsumeContext
	bare      struct{ called }               // nothing returns anything
)

func (p *pool) Close()                                     { p.add("Close") }
func (c *conn) Close(context.Context) error                { c.add("Close"); return nil }
func (r *redis) Shutdown(context.Context) *int             { r.add("Shutdown"); return nil }
func (r *redis) Close() error                              { r.add("Close"); return nil }
func (z *zapLogger) Sync() error                           { return z.err }
func (f *fiber) Shutdown() error                           { f.add("Shutdown"); return nil }
func (f *fiber) ShutdownWithContext(context.Context) error { f.add("ShutdownWithContext"); return nil }

func (k *kgo) Flush(context.Context) error   { k.add("Flush"); return errors.New("not sent") }
func (k *kgo) Close()                        { k.add("Close") }
func (p *kgoPanics) Flush(context.Context)   { p.add("Flush"); panic("broken") }
func (s *sentry) Flush(d time.Duration) bool { return s.ok && d > 0 && d <= 10*time.Second }
func (c *cron) Stop() context.Context        { return c.jobs }
func (c *channel) Stop() <-chan struct{}     { return c.over }
func (c *consumer) Stop()                    {}
func (c *consumer) Drain()                   {}
func (c *consumer) Closed() <-chan struct{}  { return c.over }
func (b *bare) Shutdown()                    { b.add("Shutdown") }

func TestOwnShapes(t *testing.T) {
	t.Parallel()
	var p pool
	var c conn
	var r redis
	var f fiber
	var b bare
	for _, it := range []struct {
		x     any
		names *[]string
		want  string
	}{
		{&p, &p.names, "Close"},
		{&c, &c.names, "Close"},
		{&r, &r.names, "Close"},
		{&f, &f.names, "ShutdownWithContext"},
		{&b, &b.names, "Shutdown"},
	} {
		var s lastly.Scope
		resource.Own(&s, "", it.x)
		if err := s.Close(); err != nil || len(*it.names) != 1 || (*it.names)[0] != it.want {
			t.Errorf("%T: called %q, error %v, want %s", it.x, *it.names, err, it.want)
		}
	}
}

// TestOwnFlushBeforeClose: a client that buffers for a network is flushed first, and closed in any case.
func TestOwnFlushBeforeClose(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	var k kgo
	resource.Own(&s, "kafka", &k)
	if note := s.Report().Hooks[0].Note; note != "Flush, then Close" {
		t.Errorf("note %q", note)
	}
	err := s.Close()
	if fmt.Sprint(k.names) != "[Flush Close]" || err == nil || !strings.Contains(err.Error(), "not sent") {
		t.Errorf("called %q, error %v", k.names, err)
	}
	var broken lastly.Scope
	var p kgoPanics
	resource.Own(&broken, "broken", &p)
	err = broken.Close()
	if _, ok := errors.AsType[*lastly.PanicError](err); !ok || fmt.Sprint(p.names) != "[Flush Close]" {
		t.Errorf("called %q, error %v", p.names, err)
	}
}

func TestOwnFlush(t *testing.T) {
	t.Parallel()
	for _, ok := range []bool{true, false} {
		var s lastly.Scope
		resource.Own(&s, "events", &sentry{ok})
		if err := s.Close(); (err == nil) != ok {
			t.Errorf("Flush returned %v, Close %v", ok, err)
		}
	}
	var s lastly.Scope
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	resource.Own(&s, "buffer", w)
	_, _ = w.WriteString("text")
	if err := s.Close(); err != nil || out.String() != "text" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

type broken struct{}

var errDisk = errors.New("disk full")

func (broken) Write([]byte) (int, error) { return 0, errDisk }

// TestOwnFlushWithoutResult: csv.Writer's Flush returns nothing, but Error tells.
func TestOwnFlushWithoutResult(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	w := csv.NewWriter(broken{})
	resource.Own(&s, "table", w)
	_ = w.Write([]string{"a", "b"})
	if err := s.Close(); !errors.Is(err, errDisk) {
		t.Errorf("error %v, want the writer's", err)
	}
}

// TestOwnSync: that a terminal can't be synced is no failure; that a disk failed is one, also beside it.
func TestOwnSync(t *testing.T) {
	t.Parallel()
	unsyncable := &os.PathError{Op: "sync", Path: "/dev/stderr", Err: syscall.EINVAL}
	failed := &os.PathError{Op: "sync", Path: "/data", Err: syscall.EIO}
	for _, c := range []struct {
		err error
		ok  bool
	}{
		{nil, true},
		{unsyncable, true},
		{errors.Join(unsyncable, fmt.Errorf("log: %w", unsyncable)), true},
		{errors.Join(unsyncable, failed), false},
		{failed, false},
	} {
		var s lastly.Scope
		resource.Own(&s, "log", &zapLogger{c.err})
		if err := s.Close(); (err == nil) != c.ok {
			t.Errorf("Sync returned %v, Close %v", c.err, err)
		}
	}
}

// TestOwnRealHTTP: a server with a connection that does not end is cut at the deadline.
func TestOwnRealHTTP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inside := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	})}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }() // ends with the server
	s := lastly.Scope{HookTimeout: 300 * time.Millisecond}
	resource.Own(&s, "listener", listener)
	resource.Own(&s, "server", srv)
	answered := make(chan error, 1)
	go func() { // ends when it is cut
		response, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			_ = response.Body.Close()
		}
		answered <- err
	}()
	<-inside
	err = s.Close()
	failed, ok := errors.AsType[*lastly.HookError](err)
	if _, timedOut := errors.AsType[*lastly.TimeoutError](err); !ok || !timedOut || failed.Name != "server" || strings.Contains(err.Error(), "listener") {
		t.Errorf("closed with %v, want a timeout of the server alone: the listener was closed already", err)
	}
	if <-answered == nil {
		t.Error("the request was answered")
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// TestOwnGone: to close a file once more is no failure, to write to a closed one is.
func TestOwnGone(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	var s lastly.Scope
	resource.Own(&s, "file", f)
	_ = f.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	var with lastly.Scope
	w := bufio.NewWriter(f)
	resource.Own(&with, "buffer", w)
	_, _ = w.WriteString("lost")
	if err := with.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("what was written is lost, and Close returned %v", err)
	}
	var packed lastly.Scope
	z := gzip.NewWriter(f)
	resource.Own(&packed, "gzip", z)
	_, _ = z.Write([]byte("lost"))
	if err := packed.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("what was packed is lost, and Close returned %v", err)
	}
}

type (
	value    struct{}
	pointer  struct{}
	misnamed struct{}
)

func (value) Close() error               { return nil }
func (*pointer) Close() error            { return nil }
func (*misnamed) Close(force bool) error { return nil }
func (*misnamed) Flush(int) int          { return 0 }

func TestOwnRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		x    any
		says []string
	}{
		{nil, []string{"it is nil"}},
		{(*pool)(nil), []string{"it is nil", "*resource_test.pool"}},
		{struct{}{}, []string{"no method that ends it", "GracefulStop with Stop, Shutdown, Drain, Close, Stop, Flush, Sync", "lastly.DeferIn"}},
		{new(misnamed), []string{"it has Close(bool) error, Flush(int) int, which Own can't call", "lastly.DeferIn"}},
		{time.NewTimer(time.Hour), []string{"it has Stop() bool"}},
		{pointer{}, []string{"*resource_test.pointer has one: pass a pointer"}},
		{exec.Command("true"), []string{"resource.Start"}},
		{func() {}, []string{"lastly.DeferIn"}},
	} {
		var s lastly.Scope
		message := panicOf(func() { resource.Own(&s, "the name", c.x) })
		for _, text := range append(c.says, `Own "the name" at `, "own_test.go:") {
			if !strings.Contains(message, text) {
				t.Errorf("%T: %q lacks %q", c.x, message, text)
			}
		}
		if n := len(s.Report().Hooks); n != 0 {
			t.Errorf("%T: %d hooks stay registered", c.x, n)
		}
	}
	var s lastly.Scope
	resource.Own(&s, "", value{})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func panicOf(f func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	f()
	return "no panic"
}

// TestOwnRegistration: the place is the caller's, a missing name is the place, uses are the hook's.
func TestOwnRegistration(t *testing.T) {
	t.Parallel()
	var s lastly.Scope
	var order called
	_, file, line, _ := runtime.Caller(0)
	resource.Own(&s, "", new(pool))
	resource.Own(&s, "a", closer(func() { order.add("a") }), lastly.Nothing...)
	resource.Own(&s, "b", closer(func() { order.add("b") }), lastly.Nothing...).Cancel()
	resource.Own(&s, "c", closer(func() { order.add("c") }), "a")
	var names []string
	for _, h := range s.Report().Hooks {
		names = append(names, h.Name)
		if !strings.HasPrefix(h.Site, file+":") {
			t.Errorf("hook %q is registered at %s", h.Name, h.Site)
		}
	}
	if place := fmt.Sprintf("%s:%d", filepath.Base(file), line+1); !slices.Contains(names, place) {
		t.Errorf("none of %q bears its place, %s, as its name", names, place)
	}
	if err := s.Close(); err != nil || fmt.Sprint(order.names) != "[c a]" {
		t.Errorf("closed in the order %q with %v, want c before the a that it uses", order.names, err)
	}
	late := new(pool)
	resource.Own(&s, "late", late)
	if len(late.names) != 1 {
		t.Error("on a closed scope it is not closed at once")
	}
}

type closer func()

func (c closer) Close() { c() }
