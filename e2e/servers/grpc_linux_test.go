package servers

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A counter is a gRPC service: Add takes a number and answers with it, Watch streams numbers. What its functions do is up
// to the test.
type counter struct {
	add   func(context.Context, int64) error
	watch func(ctx context.Context, send func(int64) error) error
}

// A generated package would have this; two methods are not worth a compiler of protocol buffers.
var counterDesc = grpc.ServiceDesc{
	ServiceName: "lastly.test.Counter",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Add", Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		n := new(wrapperspb.Int64Value)
		if err := decode(n); err != nil {
			return nil, err
		}
		return n, srv.(*counter).add(ctx, n.GetValue())
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: func(srv any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(new(wrapperspb.Int64Value)); err != nil {
			return err
		}
		return srv.(*counter).watch(stream.Context(), func(n int64) error { return stream.SendMsg(wrapperspb.Int64(n)) })
	}}},
}

// newCounter makes a server of it, and a listener.
func newCounter(c *counter) (*grpc.Server, net.Listener, error) {
	srv := grpc.NewServer()
	srv.RegisterService(&counterDesc, c)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	return srv, ln, err
}

// A client of it.
type client struct{ *grpc.ClientConn }

func dialCounter(t *testing.T, addr string) client {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return client{cc}
}

func (c client) add(ctx context.Context, n int64) error {
	return c.Invoke(ctx, "/lastly.test.Counter/Add", wrapperspb.Int64(n), new(wrapperspb.Int64Value))
}

// watch begins a stream; the function that it returns waits for the next number.
func (c client) watch(t *testing.T) (next func() (int64, error)) {
	t.Helper()
	stream, err := c.NewStream(t.Context(), &counterDesc.Streams[0], "/lastly.test.Counter/Watch")
	if err == nil {
		err = errors.Join(stream.SendMsg(wrapperspb.Int64(0)), stream.CloseSend())
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() (int64, error) {
		n := new(wrapperspb.Int64Value)
		err := stream.RecvMsg(n)
		return n.GetValue(), err
	}
}

// ways are how a gRPC server gets on a scope: served by its user and owned, or served by package web.
var ways = map[string]func(*lastly.Scope, *grpc.Server, net.Listener) error{
	"own": func(s *lastly.Scope, srv *grpc.Server, ln net.Listener) error {
		go func() { _ = srv.Serve(ln) }() // ends with the server
		resource.Own(s, "grpc", srv)
		return nil
	},
	"serve": func(s *lastly.Scope, srv *grpc.Server, ln net.Listener) error {
		return web.ServeGRPC(s, srv, ln, web.Options{Name: "grpc", Timeout: s.HookTimeout})
	},
}

// TestGRPCFinishes: a call and a stream that are in flight end as if nothing were; what comes later is refused; what they
// use is closed after them. Conformance 82 and 83.
func TestGRPCFinishes(t *testing.T) {
	t.Parallel()
	for name, serve := range ways {
		t.Run(name, func(t *testing.T) { t.Parallel(); grpcFinishes(t, serve) })
	}
}

func grpcFinishes(t *testing.T, serve func(*lastly.Scope, *grpc.Server, net.Listener) error) {
	var s lastly.Scope
	begun, release := make(chan bool, 100), make(chan bool)
	var db bool
	s.Defer("db", func(context.Context) error { db = true; return nil })
	addr := startCounter(t, &s, serve, &counter{
		add: func(context.Context, int64) error { begun <- true; <-release; return nil },
		watch: func(_ context.Context, send func(int64) error) error {
			begun <- true
			<-release
			return errors.Join(send(1), send(2))
		},
	})
	client := dialCounter(t, addr)
	added := make(chan error, 1)
	go func() { added <- client.add(t.Context(), 7) }() // ends with the call
	next := client.watch(t)
	<-begun
	<-begun
	over := make(chan error, 1)
	go func() { over <- s.Close() }() // ends with the server
	other := dialCounter(t, addr)
	testproc.Poll(t, "new calls to be refused", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // one that is served would wait for release
		defer cancel()
		return status.Code(other.add(ctx, 8)) == codes.Unavailable
	})
	close(release)
	if err := <-added; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	checkStream(t, next, 1, 2)
	if err := <-over; err != nil || !db {
		t.Errorf("error %v, db closed: %v", err, db)
	}
	if r := s.Report(); r.Hooks[1].Start+r.Hooks[1].Duration > r.Hooks[0].Start {
		t.Error("the database was closed before the server had ended")
	}
}

func startCounter(t *testing.T, s *lastly.Scope, serve func(*lastly.Scope, *grpc.Server, net.Listener) error, c *counter) (addr string) {
	t.Helper()
	srv, ln, err := newCounter(c)
	if err == nil {
		err = serve(s, srv, ln)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// checkStream checks that a stream has these numbers, and then its end.
func checkStream(t *testing.T, next func() (int64, error), numbers ...int64) {
	t.Helper()
	for _, want := range numbers {
		if got, err := next(); got != want || err != nil {
			t.Errorf("the stream: %d, %v; want %d", got, err, want)
		}
	}
	if _, err := next(); err != io.EOF { //nolint:errorlint // grpc documents the value
		t.Errorf("the stream's end: %v", err)
	}
}

// TestGRPCIsCut: a stream that hangs is cut at the deadline, which is an error, and its handler has ended by then.
// Conformance 84.
func TestGRPCIsCut(t *testing.T) {
	t.Parallel()
	for name, serve := range ways {
		t.Run(name, func(t *testing.T) { t.Parallel(); grpcIsCut(t, serve) })
	}
}

func grpcIsCut(t *testing.T, serve func(*lastly.Scope, *grpc.Server, net.Listener) error) {
	s := lastly.Scope{HookTimeout: 3 * time.Second} // a part of which is for the handler, after the cut
	handler := make(chan error, 1)
	c := &counter{watch: func(ctx context.Context, send func(int64) error) error {
		err := send(1)
		<-ctx.Done()                           // whatever the server wants
		testproc.Linger(20 * time.Millisecond) // it still has something to do
		handler <- err
		return ctx.Err()
	}}
	var ended bool
	s.Defer("db", func(context.Context) error { ended = len(handler) == 1; return nil })
	next := dialCounter(t, startCounter(t, &s, serve, c)).watch(t)
	if _, err := next(); err != nil {
		t.Fatal(err)
	}
	err := s.Close()
	r := s.Report()
	t.Logf("%s: %v (%s)", r.Hooks[1].Outcome, err, r.Hooks[1].Note)
	if hook, ok := errors.AsType[*lastly.HookError](err); !ok || hook.Name != "grpc" || r.Hooks[1].Outcome == lastly.OutcomeOK {
		t.Errorf("error %v, outcome %q; want a failure of grpc", err, r.Hooks[1].Outcome)
	}
	if !strings.Contains(r.Hooks[1].Note, "Stop") {
		t.Errorf("note %q, want one that tells of Stop", r.Hooks[1].Note)
	}
	if _, err := next(); status.Code(err) != codes.Unavailable {
		t.Errorf("the client of the stream got %v, want Unavailable", err)
	}
	if !ended {
		t.Error("the database was closed before the handler had ended")
	}
}

var grpcVictims = testproc.Victims{
	"grpc": func(args []string) {
		program().Main(func(ctx context.Context) error { return serveCounter(ctx, args) })
	},
}

func serveCounter(ctx context.Context, args []string) error {
	st, err := openStore(args[0])
	if err != nil {
		return err
	}
	resource.Own(lastly.Process(), "store", st)
	var mu sync.Mutex // guards st
	srv, ln, err := newCounter(&counter{add: func(_ context.Context, n int64) error {
		testproc.Linger(5 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		return st.add(strconv.FormatInt(n, 10))
	}})
	if err != nil {
		return err
	}
	if err := web.ServeGRPC(lastly.Process(), srv, ln, web.Options{Name: "grpc", DrainDelay: -1}); err != nil {
		return err
	}
	testproc.Say("addr %s", ln.Addr())
	<-ctx.Done()
	return nil
}

// TestGRPCUnderLoad ends a server by a signal while it is called: what it did is what it acknowledged, no more and no less.
func TestGRPCUnderLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	v := testproc.Start(t, "grpc", path)
	waitSaid(t, v, "addr", 1)
	addr := said(v.Output(), "addr")[0]
	var mu sync.Mutex
	var acknowledged []string
	var callers sync.WaitGroup
	for i := range 8 {
		client := dialCounter(t, addr)
		callers.Go(func() {
			for n := int64(i); ; n += 8 {
				if err := client.add(t.Context(), n); err != nil {
					if code := status.Code(err); code != codes.Unavailable {
						t.Errorf("call %d: %v, want Unavailable when the server is gone", n, err)
					}
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, strconv.FormatInt(n, 10))
				mu.Unlock()
			}
		})
	}
	testproc.Poll(t, "100 calls", func() bool { mu.Lock(); defer mu.Unlock(); return len(acknowledged) >= 100 })
	v.Signal(syscall.SIGTERM)
	callers.Wait()
	r := v.Wait()
	r.Check(t, "exit 0")
	r.CheckLines(t, "began grpc", "ended grpc: ok", "began store", "ended store: ok", "note grpc: GracefulStop")
	if got, want := sorted(readStore(t, path)), sorted(acknowledged); !slices.Equal(got, want) {
		t.Errorf("%d calls are stored, %d acknowledged:\n%v\n%v", len(got), len(want), got, want)
	}
}
