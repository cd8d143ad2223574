package resource_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/edge"
	"github.com/lastly-go/lastly/internal/filelock"
	"github.com/lastly-go/lastly/internal/testproc"
	"github.com/lastly-go/lastly/resource"
)

// socketPath is in a folder with a short name: the path of a socket is limited.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ls-") //nolint:usetesting // the names of t.TempDir are too long
	noError(t, err)
	t.Cleanup(func() { noError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "socket")
}

// answers says who serves an address: the line that it sends, or the error.
func answers(network, addr string) string {
	conn, err := net.Dial(network, addr)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	line, err := io.ReadAll(conn)
	if err != nil {
		return err.Error()
	}
	return string(line)
}

// answer sends a line to whoever connects.
func answer(ln net.Listener, line string) {
	for { // ends with the listener
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, line)
		_ = conn.Close()
	}
}

func TestListenTCP(t *testing.T) {
	t.Parallel()
	var s, other lastly.Scope
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = "127.0.0.77" // from which no other test connects: it could get the port when that is free
	}
	ln, err := resource.Listen(&s, "tcp", host+":0")
	noError(t, err)
	addr := ln.Addr().String()
	if h := s.Report().Hooks[0]; h.Name != "listener tcp "+addr || !strings.Contains(h.Site, "listen_test.go:") {
		t.Errorf("registered as %q at %s", h.Name, h.Site)
	}
	if _, ok := ln.(*net.TCPListener); !ok {
		t.Errorf("it is a %T", ln)
	}
	go answer(ln, "me")
	if got := answers("tcp", addr); got != "me" {
		t.Error(got)
	}
	_, err = resource.Listen(&other, "tcp", addr)
	wantError(t, err, syscall.EADDRINUSE, `lastly: listen on tcp "`+addr+`"`, "choose another port")
	wantNothing(t, &other)
	noError(t, s.Close())
	again, err := resource.Listen(&other, "tcp", addr)
	noError(t, err)
	noError(t, again.Close()) // as a server does
	noError(t, other.Close())
}

// TestListenRefuses: the error names the address and what to do, and nothing stays registered or lies about.
func TestListenRefuses(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(socketPath(t))
	long := filepath.Join(dir, strings.Repeat("x", 108))
	for _, c := range []struct {
		network, addr string
		is            error
		says          string
	}{
		{"udp", ":0", nil, "use tcp, tcp4, tcp6, unix, unixpacket or fd"},
		{"tcp", "no-port", nil, "host:port"},
		{"tcp", "not a name:80", nil, "a name that this machine knows"},
		{"tcp", "192.0.2.1:0", syscall.EADDRNOTAVAIL, "no interface of this machine"},
		{"unix", "", nil, "the address is empty"},
		{"unix", long, nil, "has " + strconv.Itoa(len(long)) + " bytes"},
		{"unix", filepath.Join(dir, "missing", "socket"), fs.ErrNotExist, "make the folder first"},
		{"fd", "http", nil, "this process was given no sockets; start it by a socket unit of systemd"},
	} {
		if c.network == "tcp" && c.is != nil && runtime.GOOS == "windows" {
			continue
		}
		var s lastly.Scope
		ln, err := resource.Listen(&s, c.network, c.addr)
		wantError(t, err, c.is, c.says, "lastly: listen on "+c.network+" "+strconv.Quote(c.addr))
		wantNothing(t, &s)
		if ln != nil {
			t.Errorf("%s: a listener with an error", c.addr)
		}
	}
	wantNames(t, dir)
	var s lastly.Scope
	noError(t, s.Close())
	for network, addr := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(dir, "socket")} {
		_, err := resource.Listen(&s, network, addr)
		wantError(t, err, lastly.ErrClosed)
	}
	wantNames(t, dir)
}

func TestListenUnix(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"unix", "unixpacket"} {
		if network == "unixpacket" && runtime.GOOS != "linux" {
			continue
		}
		path := socketPath(t)
		var s lastly.Scope
		ln, err := resource.Listen(&s, network, path)
		noError(t, err)
		go answer(ln, "me")
		if got := answers(network, path); got != "me" || ln.Addr().String() != path {
			t.Errorf("%q at %v", got, ln.Addr())
		}
		if h := s.Report().Hooks[0]; h.Name != "listener "+network+" "+path || !strings.Contains(h.Site, "listen_test.go:") {
			t.Errorf("registered as %q at %s", h.Name, h.Site)
		}
		noError(t, s.Close())
		wantNames(t, filepath.Dir(path))
	}
}

// TestListenUnixClose: who closes the listener removes the socket and ends the registration, once; so does a server.
func TestListenUnixClose(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	var s lastly.Scope
	ln, err := resource.Listen(&s, "unix", path)
	noError(t, err)
	noError(t, ln.Close())
	wantGone(t, path)
	wantNothing(t, &s)
	noError(t, ln.Close())

	ln, err = resource.Listen(&s, "unix", path)
	noError(t, err)
	var srv http.Server
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }() // ends with the server
	s.Defer("server", func(ctx context.Context) error {
		err := srv.Shutdown(ctx)
		wantGone(t, path)
		return err
	})
	testproc.Poll(t, "the server", func() bool {
		client := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			},
		}}
		response, err := client.Get("http://socket/")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})
	noError(t, s.Close())
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// leaveSocket leaves the socket of a dead process.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	noError(t, err)
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	noError(t, ln.Close())
}

// TestListenStale: conformance 90 for a socket.
func TestListenStale(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	leaveSocket(t, path)
	var s lastly.Scope
	began := time.Now()
	ln, err := resource.Listen(&s, "unix", path)
	noError(t, err)
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("replaced after %v, without time for its owner's guard", took)
	}
	go answer(ln, "me")
	if got := answers("unix", path); got != "me" {
		t.Error(got)
	}
	wantNames(t, filepath.Dir(path), "socket")
	noError(t, s.Close())
	wantNames(t, filepath.Dir(path))
}

// TestListenLiving: a socket that answers is refused, by name, and goes on answering.
func TestListenLiving(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	var first, second lastly.Scope
	ln, err := resource.Listen(&first, "unix", path)
	noError(t, err)
	go answer(ln, "me")
	_, err = resource.Listen(&second, "unix", path)
	wantError(t, err, syscall.EADDRINUSE, path, "listens there; stop it, or choose another address")
	if runtime.GOOS == "linux" {
		wantError(t, err, nil, "process "+strconv.Itoa(os.Getpid())+" (this one)")
	}
	wantNothing(t, &second)
	noError(t, second.Close())
	if got := answers("unix", path); got != "me" {
		t.Error(got)
	}
	noError(t, first.Close())
}

// TestListenNoSocket: what is no socket is never removed, nor is a link to one.
func TestListenNoSocket(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need rights here")
	}
	path := socketPath(t)
	dir := filepath.Dir(path)
	leaveSocket(t, path)
	put(t, filepath.Join(dir, "file"), "precious")
	noError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	noError(t, os.Symlink("socket", filepath.Join(dir, "link")))
	noError(t, os.Symlink("nowhere", filepath.Join(dir, "loose")))
	for _, name := range []string{"file", "folder", "link", "loose"} {
		var s lastly.Scope
		_, err := resource.Listen(&s, "unix", filepath.Join(dir, name))
		wantError(t, err, syscall.EADDRINUSE, name, "no socket", "left alone; choose another path")
		wantNothing(t, &s)
		noError(t, s.Close())
	}
	wantNames(t, dir, "file", "folder", "link", "loose", "socket")
	wantContent(t, filepath.Join(dir, "file"), "precious")
}

// TestListenReplaced: what has taken the socket's place is left alone, and the close says so.
func TestListenReplaced(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	var s lastly.Scope
	_, err := resource.Listen(&s, "unix", path)
	noError(t, err)
	noError(t, os.Remove(path))
	put(t, path, "somebody else's")
	wantError(t, s.Close(), nil, "listener unix "+path, "left alone")
	wantContent(t, path, "somebody else's")
}

// TestListenFolderLocked: while somebody else looks and listens in the folder, Listen waits.
func TestListenFolderLocked(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("folders can't be locked here")
	}
	path := socketPath(t)
	dir, err := os.Open(filepath.Dir(path))
	noError(t, err)
	if ok, err := filelock.TryLock(dir); !ok || err != nil {
		t.Fatal(ok, err)
	}
	var s lastly.Scope
	got := make(chan error, 1)
	go func() { // ends when the folder is free
		_, err := resource.Listen(&s, "unix", path)
		got <- err
	}()
	testproc.Linger(50 * time.Millisecond)
	select {
	case err := <-got:
		t.Errorf("did not wait: %v", err)
	default:
	}
	noError(t, dir.Close())
	noError(t, <-got)
	noError(t, s.Close())
}

// TestListenOneAtATime: who comes while another one has looked, and does not listen yet, waits, and finds it listening.
func TestListenOneAtATime(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders can't be locked here")
	}
	path := socketPath(t)
	halfway, proceed := make(chan struct{}), make(chan struct{})
	var came atomic.Bool
	edge.Set(func(at string) error {
		if at == "resource.listen: registered" && came.CompareAndSwap(false, true) {
			close(halfway)
			<-proceed
		}
		return nil
	})
	t.Cleanup(func() { edge.Set(nil) })
	var a, b lastly.Scope
	errs := make(chan error, 2)
	go func() { // ends when it may proceed
		_, err := resource.Listen(&a, "unix", path)
		errs <- err
	}()
	<-halfway
	late := make(chan error, 1)
	go func() { // ends after it
		_, err := resource.Listen(&b, "unix", path)
		late <- err
	}()
	testproc.Linger(50 * time.Millisecond)
	close(proceed)
	noError(t, <-errs)
	wantError(t, <-late, syscall.EADDRINUSE, "listens there")
	noError(t, b.Close())
	noError(t, a.Close())
}

// TestListenFails: whatever goes wrong on the way, nothing is registered and nothing is left.
func TestListenFails(t *testing.T) {
	broken := errors.New("broken")
	for _, point := range []string{"resource.listen: registered", "resource.listen: bound"} {
		t.Run(point, func(t *testing.T) {
			path := socketPath(t)
			failAt(t, point, broken)
			var s lastly.Scope
			_, err := resource.Listen(&s, "unix", path)
			wantError(t, err, broken, path)
			wantNothing(t, &s)
			wantNames(t, filepath.Dir(path))
		})
	}
}

// TestListenClosedMeanwhile: a scope that closes while the socket is made gets rid of it.
func TestListenClosedMeanwhile(t *testing.T) {
	for _, point := range []string{"resource.listen: registered", "resource.listen: bound"} {
		t.Run(point, func(t *testing.T) {
			path := socketPath(t)
			var s lastly.Scope
			closeAt(t, point, &s)
			_, err := resource.Listen(&s, "unix", path)
			wantError(t, err, lastly.ErrClosing, path)
			wantNames(t, filepath.Dir(path))
		})
	}
}

// closeAt closes a scope at a point.
func closeAt(t *testing.T, point string, s *lastly.Scope) {
	edge.Set(func(at string) error {
		if at == point {
			return s.Close()
		}
		return nil
	})
	t.Cleanup(func() { edge.Set(nil) })
}
