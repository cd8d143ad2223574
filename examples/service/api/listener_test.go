package api

import (
	"errors"
	"net"
)

var errBroken = errors.New("broken listener")

// brokenListener can't accept.
type brokenListener struct{}

func (brokenListener) Accept() (net.Conn, error) { return nil, errBroken }
func (brokenListener) Close() error              { return nil }
func (brokenListener) Addr() net.Addr            { return &net.TCPAddr{} }
