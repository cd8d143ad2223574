package web

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
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

// Close closes the listener, unless nobody has waited for connections so far: then whoever was to serve has refused, and
// it is still the caller's.
func (l *listener) Close() error {
	l.closeOnce.Do(func() {
		select {
		case <-l.accepting:
			l.closeErr = l.Listener.Close()
		default:
		}
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
	busy  atomic.Bool // with a request, or its answer
	cell  cell

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

// stillSending are the connections that net/http has not done with, though no handler serves them: their clients have not
// taken the answer, or not sent the rest of what it answers.
func (l *listener) stillSending(inFlight map[*cell]bool) []*conn {
	return l.list(func(c *conn) bool { return c.busy.Load() && !c.taken && !inFlight[&c.cell] })
}
