package api

import (
	"fmt"
	"net"

	"github.com/lastly-go/lastly"
)

// Register serves on the TCP address addr, says where in the file addrFile, and registers the end of both on scope as
// one hook, "api". It returns the address that the server got.
func (s *Server) Register(scope *lastly.Scope, addr, addrFile string) (got net.Addr, err error) {
	own := scope.Child(lastly.Hook{
		Name: "api",
		// A request in flight still adds its row, spools its upload and waits for its thumbnail. All of them must be
		// there until the last request is answered.
		Uses: []string{"batch", "upload", "convert"},
	})
	// Two things are built here, and one without the other is of no use.
	defer own.Rollback(&err)

	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	s.Start(ln)
	own.Defer("server", s.Shutdown)

	if err := WriteAddress(addrFile, ln.Addr()); err != nil {
		return nil, err
	}
	// Registered after the server, hence removed before it stops: nobody is sent to an address that answers no more.
	lastly.DeferIn(own, "address file", func() error { return RemoveAddress(addrFile) })
	return ln.Addr(), nil
}
