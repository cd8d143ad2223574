package web

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// A listener tells when somebody waits for connections, closes once, and knows the connections that it gave out.
type listener struct {
	net.Listener
	t         *tracker // nil: connections are given out as they are
	accepting chan struct{}
	first     sync.Once
	closeOnce sync.Once
	closeErr  error

	mu    sync.Mutex // guards what follows, and what conns say is guarded
	conns map[*conn]struct{}
	taken int // of them, those that a handler took over
}

func newListener(ln net.Listener, t *tracker) *listener {
	return &listener{Listener: ln, t: t, accepting: make(chan struct{}), conns: make(map[*conn]struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	l.first.Do(func() { close(l.accepting) })
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if _, ok := nc.(*tls.Conn); ok || l.t == nil { // net/http looks for exactly this type
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
	for _, c := range l.list(func(c *conn) bool { return c.unused() && time.Since(c.since) >= age }) {
		_ = c.Close()
	}
}

func (l *listener) countUnused() int { return len(l.list((*conn).unused)) }

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
	cell  cell

	// Guarded by l.mu.
	taken bool   // by a handler
	title string // of the request that did
	ended bool   // the handler has returned, or it is closed: the other is to come
	cut   bool
}

// unused reports whether no request has begun to arrive.
func (c *conn) unused() bool { return c.cell.phase.Load() == phaseUnused }

// Close closes the connection.
func (c *conn) Close() error {
	l := c.l
	l.mu.Lock()
	_, open := l.conns[c]
	delete(l.conns, c)
	if open && c.taken {
		l.taken--
		c.endLocked()
	}
	l.mu.Unlock()
	err := c.Conn.Close()
	if open {
		l.t.wake()
	}
	return err
}

// handled notes that the handler which took the connection over has returned, cut or not.
func (c *conn) handled(cut bool) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.cut = c.cut || cut
	c.endLocked()
}

// endLocked counts a connection that was taken over, once it is closed and its handler has returned.
func (c *conn) endLocked() {
	if c.ended && !c.cut {
		c.l.t.leaveTaken()
	}
	c.ended = true
}

// NetConn is the connection that the server's listener gave.
func (c *conn) NetConn() net.Conn { return c.Conn }

// take notes that a handler took the connection over.
func (c *conn) take(title string) {
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	_, open := l.conns[c]
	c.taken, c.title, c.ended = true, title, !open
	if open {
		l.taken++
	}
}

// isClosed reports whether somebody has closed a listener, as far as it can be asked.
func isClosed(ln net.Listener) bool {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	return err == nil && goneByClose(raw.Control(func(uintptr) {}))
}

// goneByClose reports whether Accept failed because somebody closed the listener.
func goneByClose(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// markCut notes that what handlers took over and have not closed is about to be closed, and returns it.
func (l *listener) markCut() map[*conn]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	cut := make(map[*conn]bool)
	for c := range l.conns {
		if c.taken {
			c.cut, cut[c] = true, true
		}
	}
	return cut
}

// stillSending are the connections that net/http has not done with, though the handlers have returned and their requests count
// as served: their clients have not taken the answer, or not sent the rest of what it answers.
func (l *listener) stillSending(inFlight map[*cell]bool) []*conn {
	return l.list(func(c *conn) bool { return c.cell.phase.Load() >= phaseServed && !inFlight[&c.cell] })
}
