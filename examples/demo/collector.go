package main

import (
	"fmt"
	"net"
)

// collector is a telemetry collector that takes calls and never answers.
type collector struct {
	ln     net.Listener
	called chan struct{} // closed at the first call
	ended  chan struct{}
}

func startCollector() (*collector, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the collector: %w", err)
	}
	c := &collector{ln: ln, called: make(chan struct{}), ended: make(chan struct{})}
	go c.serve() // until close
	return c, nil
}

func (c *collector) url() string { return "http://" + c.ln.Addr().String() }

func (c *collector) serve() {
	defer close(c.ended)
	var calls []net.Conn
	defer func() {
		for _, conn := range calls {
			_ = conn.Close()
		}
	}()
	for {
		conn, err := c.ln.Accept()
		if err != nil {
			return
		}
		if len(calls) == 0 {
			close(c.called)
		}
		calls = append(calls, conn)
	}
}

func (c *collector) close() error {
	err := c.ln.Close()
	<-c.ended
	return err
}
