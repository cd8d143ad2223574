package cost

import "github.com/tebeka/atexit"

// Tebeka is tebeka/atexit, whose hooks are in package variables: a new
// registry is empty only if the one before was emptied by Remove.
var Tebeka = Subject{
	Name:  "tebeka/atexit",
	New:   func(n int) Registry { return &handlers{ids: make([]atexit.HandlerID, n)} },
	Exits: true,
}

type handlers struct{ ids []atexit.HandlerID }

func (h *handlers) Register(i int) { h.ids[i] = atexit.Register(hook) }

func (h *handlers) Remove(i int) { _ = h.ids[i].Cancel() }

func (h *handlers) Run() { atexit.Exit(0) }
