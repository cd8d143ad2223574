package lastly

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/lastly-go/lastly/internal/seam"
)

// Cleanup is any shape that a cleanup usually has; named types are welcome.
type Cleanup interface {
	~func() | ~func() error | ~func(context.Context) | ~func(context.Context) error
}

// Func turns any shape of cleanup into the one that scopes store. A nil function gives nil, which Register refuses.
func Func[C Cleanup](c C) func(context.Context) error {
	if reflect.ValueOf(c).IsNil() {
		return nil
	}
	switch f := any(c).(type) {
	case func(context.Context) error:
		return f
	case func(context.Context):
		return func(ctx context.Context) error { f(ctx); return nil }
	case func() error:
		return func(context.Context) error { return f() }
	case func():
		return func(context.Context) error { f(); return nil }
	}
	// A named type, which a type switch does not see through.
	v := reflect.ValueOf(c)
	for _, t := range []reflect.Type{
		reflect.TypeFor[func(context.Context) error](), reflect.TypeFor[func(context.Context)](),
		reflect.TypeFor[func() error](), reflect.TypeFor[func()](),
	} {
		if v.CanConvert(t) {
			return anyFunc(v.Convert(t).Interface())
		}
	}
	panic(fmt.Sprintf("lastly: Func: unreachable: %T is no Cleanup", c))
}

func anyFunc(f any) func(context.Context) error {
	switch f := f.(type) {
	case func(context.Context) error:
		return Func(f)
	case func(context.Context):
		return Func(f)
	case func() error:
		return Func(f)
	}
	return Func(f.(func()))
}

// A Hook is a cleanup together with what lastly has to know about it. It is plain data: every zero value but Run's means
// something.
type Hook struct {
	// Name is what other hooks call it in their Uses, and what reports call it. Any string will do; it need not be
	// unique: a name means every hook of the scope that bears it. "" is the file and line of the registration.
	Name string

	// Run undoes. Its context ends when its time is over; it carries the values, but not the end, of the context given
	// to Shutdown. It may call anything of this package. It runs at most once.
	Run func(context.Context) error

	// Uses names the hooks of the same scope that must outlive this one: it runs before each of them. They may be
	// registered later. Empty means everything registered earlier; Nothing means none.
	Uses []string

	// Timeout is how long Run may take before its context ends; shortly after, it is abandoned. 0 means the scope's
	// HookTimeout; for a child scope, what is left to its parent.
	Timeout time.Duration

	// Last puts the hook after every hook that is not Last: what flushes logs and telemetry. What a Last hook names is
	// Last too.
	Last bool

	// BestEffort keeps a failure from turning exit code 0 into 1. It is reported all the same.
	BestEffort bool

	// Note tells for reports what the hook will do, does, or did: "GracefulStop, at the deadline Stop", "drained 3, cut 0".
	// It is called whenever a Report is made, with no lock held, from any goroutine and also after the hook has ended; it
	// must not wait. nil means that there is nothing to tell.
	Note func() string
}

// Nothing, as a Hook's Uses, says that the hook uses no other: it waits for nobody on its own account. It still runs
// before every Last hook if it is not Last itself, and after whatever uses it: hooks that name it, and hooks that name
// nothing and were registered after it.
var Nothing = []string{nothingName}

type handleKind uint8

const (
	kindHook handleKind = iota
	kindGo
	kindChild
	kindAttached
	kindDurable
)

func (k handleKind) String() string {
	return [...]string{"hook", "go", "scope", "attached", "durable"}[k]
}

type handleState uint8

const (
	waiting   handleState = iota // registered, in its scope's list
	running                      // handed to a goroutine
	finished                     // ran, or was given up
	cancelled                    // unregistered
)

// A Handle stands for one registration. Its methods may be called from anywhere, also from hooks and when its scope is
// closed.
type Handle struct {
	scope      *Scope // nil: the zero Handle, which stands for nothing
	prev, next *Handle
	name       string
	run        func(context.Context) error
	uses       []string
	timeout    time.Duration
	site       uintptr
	rec        *record // what became of it; nil until it runs or its scope closes
	ext        any     // *task of a Go, *Scope of a child, *attachment of an attached one, seam.Durable of a durable one, or a note
	id         uint32
	number     int32 // in the graph of the flow that closes the scope
	kind       handleKind
	state      handleState
	last       bool // also because a Last hook names it
	late       bool // registered while the scope closed
	odd        bool
	bestEffort bool
}

// label is the name that reports and errors show.
func (h *Handle) label() string {
	if h.name != "" {
		return h.name
	}
	return shortSite(h.site)
}

// shortSite is the name of what has none.
func shortSite(site uintptr) string {
	file, line := position(site)
	return filepath.Base(file) + ":" + strconv.Itoa(line)
}

func (h *Handle) member() Member { return Member{h.label(), siteString(h.site)} }

func (h *Handle) failure(err error) *HookError {
	return &HookError{Name: h.label(), Site: siteString(h.site), BestEffort: h.bestEffort, Err: err}
}

// check panics on what a programmer got wrong, at the call that got it wrong.
func (h *Hook) check(call string, site uintptr) {
	switch {
	case h.Run == nil:
		panic(fmt.Sprintf("lastly: %s at %s: hook %q has no Run function; pass the function that undoes what you made",
			call, siteString(site), h.Name))
	case h.Timeout < 0:
		panic(fmt.Sprintf("lastly: %s at %s: hook %q has the negative Timeout %v; 0 means the scope's HookTimeout",
			call, siteString(site), h.Name, h.Timeout))
	}
}

func newHandle(s *Scope, h *Hook, kind handleKind, site uintptr) *Handle {
	return &Handle{
		scope: s, name: h.Name, run: h.Run, uses: slices.Clone(h.Uses), timeout: h.Timeout, site: site, kind: kind,
		last: h.Last, bestEffort: h.BestEffort, odd: h.Last || len(h.Uses) > 0,
	}
}

// Cancel unregisters the hook: it will not run. It returns false if the hook has started, is gone, or is a Go (which
// can't be undone by forgetting it: use Run). It costs the same however many hooks the scope has.
func (h *Handle) Cancel() bool {
	s := h.scope
	if s == nil || h.kind == kindGo {
		return false
	}
	s.mu.Lock()
	if h.state != waiting {
		s.mu.Unlock()
		return false
	}
	h.state = cancelled
	h.run = nil
	s.unlink(h)
	if s.phase == phaseRunning {
		s.flow.settle(h, outcomeCanceled, nil)
	}
	s.mu.Unlock()
	switch h.kind {
	case kindAttached:
		h.ext.(*attachment).stop(s)
	case kindDurable:
		h.ext.(seam.Durable).Canceled()
	}
	return true
}

// Run runs the hook now, out of its order, and returns its result: nil or a *HookError. If it already ran, or runs, its
// result is awaited. ctx bounds the hook when this call starts it; else it bounds only the wait, and the error wraps
// ctx.Err(). The scope forgets a hook that was run early; its error is the caller's alone. Run on a Go stops it and
// awaits it. It returns ErrCanceled after Cancel, and on the zero Handle. A hook that runs itself, or waits for one
// that waits for it, gets ErrClosing.
func (h *Handle) Run(ctx context.Context) error {
	s := h.scope
	if s == nil {
		return ErrCanceled
	}
	solo := newFlow(s, ctx, nil) // made before the lock is taken, for it looks into the parents
	s.mu.Lock()
	switch {
	case h.state == cancelled:
		s.mu.Unlock()
		return ErrCanceled
	case h.state == waiting:
		r := s.runEarly(solo, h)
		s.mu.Unlock()
		stop := r.f.follow(ctx, r)
		defer stop()
		return r.await(context.Background(), ctx)
	case h.rec == nil: // a Go that ended by itself
		s.mu.Unlock()
		return h.ext.(*task).err
	}
	r := h.rec
	s.mu.Unlock()
	return r.await(ctx, ctx)
}

// caller returns the program counter of a caller of the exported function that calls it; 0 is its direct caller.
func caller(skip int) uintptr {
	var pcs [1]uintptr
	runtime.Callers(3+skip, pcs[:])
	return pcs[0]
}

func position(pc uintptr) (file string, line int) {
	if pc == 0 {
		return "unknown", 0
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return frame.File, frame.Line
}

func siteString(pc uintptr) string {
	file, line := position(pc)
	return file + ":" + strconv.Itoa(line)
}
