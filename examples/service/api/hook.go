package api

import (
	"fmt"
	"net"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
	"github.com/lastly-go/lastly/web"
)

// Register serves on the TCP address addr, says where in the file addrFile, and returns the address that the server got. The
// server's end is the hook "api" of scope. Should the server fail later, scope closes.
func (s *Server) Register(scope *lastly.Scope, addr, addrFile string) (net.Addr, error) {
	ln, err := resource.Listen(scope.Child(lastly.Hook{Name: "api port", Uses: lastly.Nothing}), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	err = web.Serve(scope, &s.http, ln, web.Options{
		Name: "api",
		// A request in flight still adds its row, saves its upload and waits for its thumbnail. All of them must be there
		// until the last request is answered.
		Uses: []string{"batch", "upload", "convert", "api port"},
	})
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return ln.Addr(), registerAddress(scope, addrFile, ln.Addr())
}
