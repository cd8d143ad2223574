package main

import "slices"

// A wiring is one row: how an instance ends, and what stands before it.
type wiring struct {
	name   string
	role   string // of its instances
	ends   string // how they have to end
	shared bool   // one port for all instances, instead of the proxy
	most   int    // connections at a time that an instance accepts, and clients that keep none; 0: any number, and most keep theirs
	still  bool   // no restarts: what is lost is the fault of this program
	clean  bool   // it must not lose a request
}

const (
	endsWell   = "exit status 0"
	endsKilled = "signal: terminated"
)

// wirings are the rows, in their order.
func wirings() []wiring {
	return []wiring{
		{name: "no restarts, to check the harness", role: "killed", ends: endsKilled, still: true, clean: true},
		{name: "lastly's web.Serve", role: "lastly", ends: endsWell, clean: true},
		{name: "Shutdown after a delay, by hand", role: "delayed", ends: endsWell},
		{name: "http.Server.Shutdown", role: "shutdown", ends: endsWell},
		{name: "os.Exit, or no handler", role: "killed", ends: endsKilled},
		{name: "SO_REUSEPORT, lastly's web.Serve", role: "lastly", ends: endsWell, shared: true},
		{name: "SO_REUSEPORT, http.Server.Shutdown", role: "shutdown", ends: endsWell, shared: true},
		{name: "SO_REUSEPORT, full queues, lastly's web.Serve", role: "lastly", ends: endsWell, shared: true, most: 12},
	}
}

// wiringsNamed are those whose name has the text, by a function that tells.
func wiringsNamed(is func(name string) bool) []wiring {
	return slices.DeleteFunc(wirings(), func(w wiring) bool { return !is(w.name) })
}
