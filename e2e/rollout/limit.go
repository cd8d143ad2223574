package main

import (
	"net"
	"sync"
)

// A limited listener has at most so many connections open at a time, as many servers do to bound what they hold in memory. What
// comes beyond that waits in the kernel's queue: there always is one when the service has as much to do as it can.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

// limit returns the listener itself if most is 0.
func limit(ln net.Listener, most int) net.Listener {
	if most == 0 {
		return ln
	}
	return &limited{Listener: ln, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &slot{Conn: c, leave: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// A slot is a connection of a limited listener.
type slot struct {
	net.Conn
	leave func()
}

func (s *slot) Close() error {
	defer s.leave()
	return s.Conn.Close()
}
