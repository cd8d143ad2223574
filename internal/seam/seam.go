// Package seam joins package lastly and the packages above it where the public API says too little: lastly can't import
// durable, and durable, resource and web need of lastly what no user should.
//
// Lastly and durable each fill its half in a package-level variable, once, before main. A nil half means that the other package
// is not in the program.
package seam

import "context"

// A Scope is one scope on the way from the outermost one to that of a hook.
type Scope struct {
	ID   uint64 // of its hook in its parent, which is also its place there; of an outermost scope, anything unique
	Name string
	Uses []string
	Last bool
}

// A Durable is what a durable hook has beyond its cleanup.
type Durable interface {
	// Canceled is called when the hook was unregistered, without any lock.
	Canceled()
	// Note says for the report what becomes of it should the process die.
	Note() string
}

// Lastly is what durable, resource and web need of lastly.
type Lastly struct {
	// Lineage returns the scopes from the outermost one to the given *lastly.Scope, and the place that the next hook
	// registered there will have.
	Lineage func(scope any) (scopes []Scope, next uint64)
	// Register registers a lastly.Hook on a *lastly.Scope and returns the *lastly.Handle.
	Register func(scope, hook any, d Durable, site uintptr) (handle any)
	// RegisterAt is Scope.Register with a place of registration further up.
	RegisterAt func(scope, hook any, site uintptr) (handle any)
	// GoAt is Scope.Go with a place of registration further up.
	GoAt func(scope, hook any, site uintptr) (handle any)
	// Endings returns the contexts of a *lastly.Scope and of all that it stands in: the first that ends says that the scope
	// will be closed.
	Endings func(scope any) []context.Context
}

// Durables is what resource and lastly need of durable.
type Durables struct {
	// RegisterAt is Kind.Register with a place of registration further up: a *durable.Kind[P], a *lastly.Scope, a P and a
	// lastly.Hook give a *durable.Record[P].
	RegisterAt func(kind, scope, payload, hook any, site uintptr) (record any, err error)
	// Guard never returns in a process that is a guard: it settles what is left and exits.
	Guard func()
	// Recover settles what earlier runs of this program left. It is bounded, and stops when stop is closed.
	Recover func(stop <-chan struct{})
	// Finish is called when everything has run and the process is about to end.
	Finish func()
	// Folder is where this process has, or would have, its journal. With make it exists afterwards; without, it need not.
	Folder func(make bool) (string, error)
	// SettleOne makes one attempt at the record id of an orphan's journal, whether it is due or not; or strikes it without one,
	// if forget is set. It returns a durable.JournalReport, without records if the record is not there.
	SettleOne func(ctx context.Context, path string, id uint64, forget bool) (report any)
}

// Fill is what a half is filled with: var _ = seam.Fill(&seam.OfLastly, ...).
func Fill[T any](half **T, with T) bool {
	*half = &with
	return true
}

// The two halves. They are written during the initialisation of the packages that fill them, and read afterwards.
var (
	OfLastly  *Lastly
	OfDurable *Durables
)
