package cli

import (
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/proc"
)

// A witness knows what the machine says of owners, as far as that can be asked without taking their locks: `list` must not be
// in a guard's way.
type witness struct {
	boot, host string
	namespace  uint64
	locks      map[lockedFile]bool // nil: not looked yet
}

func newWitness() *witness {
	return &witness{boot: proc.BootID(), host: proc.HostID(), namespace: proc.Namespace()}
}

// judge says whether an owner is gone, by the rules of package durable.
func (w *witness) judge(path string, o journal.Owner) (durable.State, string) {
	state, why := w.owner(path, o)
	if state == durable.Orphan && settling(path) {
		return durable.Settling, "another process is settling it"
	}
	return state, why
}

func (w *witness) owner(path string, o journal.Owner) (durable.State, string) {
	if o.Boot != w.boot || o.Boot == "" {
		if o.Host == "" || o.Host != w.host {
			return durable.Elsewhere, "it is of another host; settle it there, or remove the file when that host is gone"
		}
		return durable.Orphan, ""
	}
	if o.Namespace != w.namespace {
		switch held, known := w.held(path); {
		case held:
			return durable.Alive, "its owner lives in another PID namespace"
		case known:
			return durable.Orphan, ""
		}
		return durable.Elsewhere, "it is of another PID namespace; `lastly sweep` finds out whether it lives, or list from outside of the container"
	}
	id := proc.ID{Pid: o.Pid, Start: o.Start, Boot: o.Boot, Namespace: o.Namespace, Inode: o.Pidfd}
	switch id.State(o.Host) {
	case proc.Gone:
		return durable.Orphan, ""
	case proc.Alive:
		now := proc.Image(o.Pid)
		if held, known := w.held(path); o.Image == "" || now == "" || now == o.Image || held || !known {
			return durable.Alive, ""
		}
		return durable.Orphan, "its process became another program"
	}
	return durable.Elsewhere, "it can't be told whether its owner lives"
}
