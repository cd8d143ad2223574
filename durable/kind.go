package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"sync"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/journal"
	"github.com/lastly-go/lastly/internal/seam"
)

// A Kind is a named cleanup with a serialisable payload, so that another process can carry it out. Make one with Define,
// or take one of Remove, Kill, Exec and HTTP.
type Kind[P any] struct {
	name    string // as it is journaled: a Go kind is qualified by the program
	builtin bool
	verify  bool               // whether a payload's JSON may not come back
	capture func(P) (P, error) // of a built-in kind: checks the payload and adds what identifies its target
	settle  func(context.Context, P) error
	opened  func(P) // called when a record was journaled; nil for most, as closed
	closed  func(P) // when it was struck
}

// Define makes a kind whose cleanup is the function settle of this program: in the process at its place in the order, or,
// after a death that left no time for that, in another process of this program. Call it for a package-level variable,
// so that the guard and the next start know it:
//
//	var seat = durable.Define("seat", func(ctx context.Context, s Seat) error { return release(ctx, s) })
//
// settle is called at least once for each record, perhaps twice, perhaps when there is nothing to undo: make it
// idempotent. It gets nothing but the payload: no memory of the process that registered it, another working folder, no
// terminal. P must survive encoding/json; a field that was renamed makes old records fail instead of being empty, so
// give a changed meaning a new name.
//
// Only this program settles its kinds: one with the same main module path. Define panics if name is empty, contains
// ':', or is taken, if settle is nil, and if JSON would lose a part of P: an unexported field, one tagged "-", a function, a
// channel, or an interface with methods.
func Define[P any](name string, settle func(context.Context, P) error) *Kind[P] {
	k := &Kind[P]{name: qualify(name), settle: settle}
	check("Define", name, settle == nil)
	types := make(map[reflect.Type]bool)
	if err := checkType(reflect.TypeFor[P](), types); err != nil {
		panic(fmt.Sprintf("lastly: durable.Define: kind %q: %v", name, err))
	}
	k.verify = anyOwnForm(types)
	kinds.add("Define", k.name, k)
	return k
}

// define makes a built-in kind.
func define[P any](name string, capture func(P) (P, error), settle func(context.Context, P) error) *Kind[P] {
	k := &Kind[P]{name: name, builtin: true, capture: capture, settle: settle}
	kinds.add("define", name, k)
	return k
}

// Register registers a hook on s that is also written down: when Register returns, the cleanup happens however the
// program ends. h.Run undoes it in this process; if it is nil, the kind's settle function does. When it has returned nil,
// the record is struck; when it fails, or its time is over, the record stays for another process. Cancel and Run of the
// record's Handle strike it too.
//
// Register before the thing is made, and Update when more of it is known: the other order leaks. On an error nothing is
// registered, and nothing written: see the errors of this package, or the disk is full. Register may be called from a
// hook; on a closed scope the cleanup runs at once, as with Scope.Register.
func (k *Kind[P]) Register(s *lastly.Scope, payload P, h lastly.Hook) (*Record[P], error) {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	return k.register(s, payload, h, pcs[0])
}

// registerAt is Register for package resource, whose callers are the ones to name.
func registerAt(kind, scope, payload, hook any, site uintptr) (record any, err error) {
	return kind.(anyKind).registerAny(scope.(*lastly.Scope), payload, hook.(lastly.Hook), site)
}

func (k *Kind[P]) registerAny(s *lastly.Scope, payload any, h lastly.Hook, site uintptr) (record any, err error) {
	return k.register(s, payload.(P), h, site)
}

func (k *Kind[P]) register(s *lastly.Scope, payload P, h lastly.Hook, site uintptr) (*Record[P], error) {
	if k.settle == nil {
		panic(fmt.Sprintf("lastly: Register at %s: the Kind was not made by Define, so nobody could settle it", siteOf(site)))
	}
	if h.Timeout < 0 { // as lastly.Register does, but before anything is written
		panic(fmt.Sprintf("lastly: Register at %s: hook %q has the negative Timeout %v; 0 means the scope's HookTimeout", siteOf(site), h.Name, h.Timeout))
	}
	if !k.builtin {
		if err := readyForGo(k.name); err != nil {
			return nil, err
		}
	}
	payload, text, err := k.prepare(payload)
	if err != nil {
		return nil, err
	}
	r := &Record[P]{kind: k, payload: payload, run: h.Run}
	scopes, next := seam.OfLastly.Lineage(s)
	r.rec = journal.Record{
		Kind: k.name, Name: h.Name, Site: siteOf(site), Uses: h.Uses, Last: h.Last, BestEffort: h.BestEffort, Timeout: h.Timeout,
		Scopes: scopes, Position: next, Payload: text,
	}
	if err := r.append(); err != nil {
		return nil, fmt.Errorf("lastly: kind %q: register: %w", k.name, err)
	}
	if k.opened != nil {
		k.opened(payload)
	}
	h.Run = r.undo
	r.Handle = seam.OfLastly.Register(s, h, joint[P]{r}, site).(*lastly.Handle)
	return r, nil
}

// prepare checks and encodes a payload.
func (k *Kind[P]) prepare(payload P) (P, []byte, error) {
	if k.capture != nil {
		var err error
		if payload, err = k.capture(payload); err != nil {
			return payload, nil, fmt.Errorf("lastly: %s: %w", k.name, err)
		}
	}
	text, err := encode(k.name, payload)
	if err == nil && k.verify {
		if _, bad := decode[P](text); bad != nil {
			return payload, nil, fmt.Errorf("lastly: kind %q: nobody could settle it: %w", k.name, bad)
		}
	}
	return payload, text, err
}

// decode returns what carries out a journaled payload.
func (k *Kind[P]) decode(text []byte) (settleFunc, error) {
	var payload P
	var err error
	if own, ok := any(&payload).(json.Unmarshaler); ok && k.builtin {
		err = own.UnmarshalJSON(text) // which is strict, and checks what it got
	} else {
		payload, err = decode[P](text)
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return k.settle(ctx, payload) }, nil
}

// settleFunc carries out one record.
type settleFunc func(context.Context) error

// anyKind is a Kind of any payload.
type anyKind interface {
	decode(text []byte) (settleFunc, error)
	registerAny(s *lastly.Scope, payload any, h lastly.Hook, site uintptr) (record any, err error)
}

// kinds are all kinds of the program, by name. Other processes find them by name only, so there has to be a table.
var kinds table

type table struct {
	mu     sync.Mutex // guards byName
	byName map[string]anyKind
}

func (t *table) add(call, name string, k anyKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[name] != nil {
		panic(fmt.Sprintf("lastly: durable.%s: there is a kind %q already; give each kind of a program its own name", call, name))
	}
	if t.byName == nil {
		t.byName = make(map[string]anyKind)
	}
	t.byName[name] = k
}

func (t *table) find(name string) anyKind {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byName[name]
}
