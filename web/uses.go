package web

import (
	"net"
	"path/filepath"
	"slices"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/seam"
)

// usesOf are o's Uses with the listener's own hook, if resource.Listen gave it one and o says no word of it: it would be
// closed first otherwise, while the server still serves. A server that names nothing uses it already.
func usesOf(s *lastly.Scope, o *Options, ln net.Listener) []string {
	if len(o.Uses) == 0 {
		return nil
	}
	name := hookOf(s.Report(), ln.Addr().String())
	if name == "" || slices.Contains(o.Uses, name) {
		return o.Uses
	}
	return append(slices.Clone(o.Uses), name)
}

// hookOf finds the hook of the listener on an address, or the child scope that has it; "" when there is none that could
// be named.
func hookOf(r lastly.Report, addr string) string {
	for _, h := range r.Hooks {
		switch {
		case seam.NamesListener(h.Name, addr):
			return h.Name
		case h.Scope != nil && hookOf(*h.Scope, addr) != "" && h.Name != filepath.Base(h.Site):
			return h.Name
		}
	}
	return ""
}
