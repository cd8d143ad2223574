package lastly

import (
	"context"
	"unsafe"

	"github.com/lastly-go/lastly/internal/seam"
)

// The other packages of this module can do more than the API: durable's hooks know where they stand, and hear when they are
// cancelled; resource's bear the place of their caller; web's readiness hears when any scope above begins to close.
var _ = seam.Fill(&seam.OfLastly, seam.Lastly{
	Lineage: lineage, Register: registerDurable, RegisterAt: registerAt, GoAt: goAt, Endings: endings,
})

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
			h.scope.mu.Lock() // the parent may begin to close, and find that a hook which is Last names this one
			scopes[depth] = seam.Scope{ID: uint64(h.id), Name: h.name, Uses: h.uses, Last: h.last}
			h.scope.mu.Unlock()
		}
	}
	return scopes, next
}

// registerDurable is Register for package durable.
func registerDurable(scope, hook any, d seam.Durable, site uintptr) any {
	h := hook.(Hook)
	if h.Note != nil {
		d = notedDurable{d, h.Note}
	}
	return scope.(*Scope).register(&h, kindDurable, d, site)
}

// registerAt is Register for packages resource and web.
func registerAt(scope, hook any, site uintptr) any {
	h := hook.(Hook)
	return scope.(*Scope).register(&h, kindHook, nil, site)
}

// goAt is Go for package web.
func goAt(scope, hook any, site uintptr) any {
	return scope.(*Scope).goTask(hook.(Hook), site)
}

// endings are the contexts of a scope and of those that it stands in.
func endings(scope any) []context.Context {
	var all []context.Context
	for c := scope.(*Scope); c != nil; c = c.up() {
		all = append(all, c.Context())
	}
	return all
}

// becomeGuard does not return if this process is a guard: a second instance of the program that waited for the death of
// the first.
func becomeGuard() {
	if seam.OfDurable != nil {
		seam.OfDurable.Guard()
	}
}

// recoverOrphans settles what earlier runs left, before run begins.
func (m *mainLoop) recoverOrphans() {
	if seam.OfDurable != nil {
		seam.OfDurable.Recover(m.runCtx.Done())
	}
}

// finishDurable lets the guard go, when the process is about to end.
func finishDurable() {
	if seam.OfDurable != nil {
		seam.OfDurable.Finish()
	}
}
