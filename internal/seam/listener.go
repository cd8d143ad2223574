package seam

import "strings"

const listener = "listener "

// ListenerName is what package resource calls the hook of a listener. Package web looks for it.
func ListenerName(network, addr string) string { return listener + network + " " + addr }

// NamesListener reports whether a hook's name is that of a listener on an address, on whatever network.
func NamesListener(hook, addr string) bool {
	network, on, ok := strings.Cut(strings.TrimPrefix(hook, listener), " ")
	return ok && on == addr && hook == ListenerName(network, on)
}
