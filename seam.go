package lastly

import (
	"unsafe"

	"github.com/lastly-go/lastly/internal/seam"
)

// Package durable can do more than the API: its hooks know where they stand, and hear when they are cancelled.
var _ = seam.Fill(&seam.ForDurable, seam.Lastly{Lineage: lineage, Register: registerDurable})

// lineage is where a hook that is registered next stands, for whoever has to run it in another process.
func lineage(scope any) (scopes []seam.Scope, next uint64) {
	s := scope.(*Scope)
	s.mu.Lock()
	next = uint64(s.lastID) + 1
	s.mu.Unlock()
	depth := 0
	for c := s; c != nil; c = c.up() {
		depth++
	}
	scopes = make([]seam.Scope, depth)
	for c := s; c != nil; c = c.up() {
		depth--
		scopes[depth] = seam.Scope{ID: uint64(uintptr(unsafe.Pointer(c))), Name: c.Name}
		if h := c.parent; h != nil {
			scopes[depth] = seam.Scope{ID: uint64(h.id), Name: h.name, Uses: h.uses, Last: h.last}
		}
	}
	return scopes, next
}

// registerDurable is Register for package durable.
func registerDurable(scope, hook any, d seam.Durable, site uintptr) any {
	h := hook.(Hook)
	return scope.(*Scope).register(&h, kindDurable, d, site)
}

// becomeGuard does not return if this process is a guard: a second instance of the program that waited for the death of
// the first.
func becomeGuard() {
	if seam.ForLastly != nil {
		seam.ForLastly.Guard()
	}
}

// recoverOrphans settles what earlier runs left, before run begins.
func (m *mainLoop) recoverOrphans() {
	if seam.ForLastly != nil {
		seam.ForLastly.Recover(m.runCtx.Done())
	}
}

// finishDurable lets the guard go, when the process is about to end.
func finishDurable() {
	if seam.ForLastly != nil {
		seam.ForLastly.Finish()
	}
}
