package web

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
)

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
