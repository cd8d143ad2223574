package web

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A listener tells when somebody waits for connections, closes once, and knows the connections that it gave out.
type listener struct {
	net.Listener
	wake      func() // a connection is gone
	plain     bool   // gives its connections out as they are
	accepting chan struct{}
	first     sync.Once
	closeOnce sync.Once
	closeErr  error
	closed    atomic.Bool

	mu    sync.Mutex // guards what follows, and what conns say is guarded
	conns map[*conn]struct{}
	taken int // of them, those that a handler took over
}

func newListener(ln net.Listener, wake func()) *listener {
	return &listener{Listener: ln, wake: wake, accepting: make(chan struct{}), conns: make(map[*conn]struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	l.first.Do(func() { close(l.accepting) })
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if _, ok := nc.(*tls.Conn); ok || l.plain { // net/http looks for exactly this type
		return nc, nil
	}
	c := &conn{Conn: nc, l: l, since: time.Now()}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	return c.dressed(), nil
}

func (l *listener) Close() error {
	l.closeOnce.Do(func() {
		l.closed.Store(true)
		l.closeErr = l.Listener.Close()
	})
	return l.closeErr
}

// closeUnused closes the connections over which nothing has come for that long. net/http would wait five seconds for a
// request.
func (l *listener) closeUnused(age time.Duration) {
	for _, c := range l.list(func(c *conn) bool { return !c.used.Load() && time.Since(c.since) >= age }) {
		_ = c.Close()
	}
}

func (l *listener) countUnused() int {
	return len(l.list(func(c *conn) bool { return !c.used.Load() }))
}

func (l *listener) list(which func(*conn) bool) (conns []*conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if which(c) {
			conns = append(conns, c)
		}
	}
	return conns
}

func (l *listener) countTaken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// A conn is a connection that says when it is closed: nobody else tells when one that a handler took over is.
type conn struct {
	net.Conn
	l     *listener
	since time.Time
	used  atomic.Bool // a request has begun to arrive

	// Guarded by l.mu.
	taken bool   // by a handler
	title string // of the request that did
	cut   bool
	done  func(cut bool)
}

// Close closes the connection.
func (c *conn) Close() error {
	l := c.l
	l.mu.Lock()
	_, open := l.conns[c]
	delete(l.conns, c)
	taken := open && c.taken
	if taken {
		l.taken--
	}
	cut := c.cut
	l.mu.Unlock()
	err := c.Conn.Close()
	if taken {
		c.done(cut)
	}
	if open {
		l.wake()
	}
	return err
}

// NetConn is the connection that the server's listener gave.
func (c *conn) NetConn() net.Conn { return c.Conn }

// take notes that a handler took the connection over.
func (c *conn) take(title string, done func(cut bool)) {
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, open := l.conns[c]; open && !c.taken {
		c.taken, c.title, c.done = true, title, done
		l.taken++
	}
}

// dressed is c with the methods that its connection has beyond those of a net.Conn: net/http sends files by ReadFrom,
// ends by CloseWrite and asks other implementations of TLS for their ConnectionState; handlers look at the socket.
func (c *conn) dressed() net.Conn {
	switch nc := c.Conn.(type) {
	case stream:
		return &streamConn{socketConn{c, nc}, nc}
	case socket:
		return &socketConn{c, nc}
	case secure:
		return &secureConn{c, nc}
	}
	return c
}

// undress finds the conn in what net/http was given; nil if there is none.
func undress(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	switch nc := nc.(type) {
	case *streamConn:
		return nc.conn
	case *socketConn:
		return nc.conn
	case *secureConn:
		return nc.conn
	case *conn:
		return nc
	}
	return nil
}

type (
	// socket is what a *net.UnixConn has.
	socket interface {
		syscall.Conn
		CloseRead() error
		CloseWrite() error
	}
	// stream is what a *net.TCPConn has.
	stream interface {
		socket
		io.ReaderFrom
		io.WriterTo
	}
	secure interface {
		ConnectionState() tls.ConnectionState
	}

	socketConn struct {
		*conn
		s socket
	}
	streamConn struct {
		socketConn
		st stream
	}
	secureConn struct {
		*conn
		secure
	}
)

func (c *socketConn) CloseRead() error                      { return c.s.CloseRead() }
func (c *socketConn) CloseWrite() error                     { return c.s.CloseWrite() }
func (c *socketConn) SyscallConn() (syscall.RawConn, error) { return c.s.SyscallConn() }

// ReadFrom lets the kernel move the bytes where it can: from files, and from other sockets.
func (c *streamConn) ReadFrom(r io.Reader) (int64, error) {
	if nc, ok := r.(net.Conn); ok {
		r = bare(nc)
	}
	return c.st.ReadFrom(r)
}

// WriteTo is ReadFrom seen from the other side.
func (c *streamConn) WriteTo(w io.Writer) (int64, error) {
	if nc, ok := w.(net.Conn); ok {
		w = bare(nc)
	}
	return c.st.WriteTo(w)
}

// bare is a connection as the user's listener gave it.
func bare(nc net.Conn) net.Conn {
	if _, ok := nc.(*tls.Conn); ok {
		return nc
	}
	if c := undress(nc); c != nil {
		return c.Conn
	}
	return nc
}

// goneByClose reports whether Accept failed because somebody closed the listener.
func goneByClose(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// markCut notes that what handlers took over and have not closed is about to be closed, and returns it.
func (l *listener) markCut() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var cut []*conn
	for c := range l.conns {
		if c.taken {
			c.cut = true
			cut = append(cut, c)
		}
	}
	return cut
}
