package lastly

import (
	"context"
	"fmt"
	"runtime"
)

// An attachment ties a hook to an object.
type attachment struct {
	cleanup runtime.Cleanup // guarded by the scope's mutex
	note
}

func (a *attachment) stop(s *Scope) {
	s.mu.Lock()
	cleanup := a.cleanup
	s.mu.Unlock()
	cleanup.Stop()
}

// Attach registers a hook that runs once: when obj has become unreachable and was collected, or when s closes. It does
// not keep obj alive, so h must not reference obj, or nothing is ever collected. A failure after a collection is logged
// and part of what Close returns. Attach panics if obj is nil. An obj that was not allocated (a global variable, say)
// is never collected, and very small objects without pointers may share their fate with others.
func Attach[T any](s *Scope, obj *T, h Hook) *Handle {
	site := caller(0)
	h.check("Attach", site)
	if obj == nil {
		panic(fmt.Sprintf("lastly: Attach at %s: hook %q is to be attached to a nil %T", siteString(site), h.Name, obj))
	}
	a := &attachment{note: h.Note}
	hd := s.register(&h, kindAttached, a, site)
	cleanup := runtime.AddCleanup(obj, (*Handle).collected, hd)
	s.mu.Lock()
	a.cleanup = cleanup
	over := hd.state == finished || hd.state == cancelled
	s.mu.Unlock()
	if over {
		cleanup.Stop()
	}
	runtime.KeepAlive(obj)
	return hd
}

// collected is called by the garbage collector's own goroutine, which must not wait.
func (h *Handle) collected() {
	go func() { // ends with the hook
		s := h.scope
		s.mu.Lock()
		mine := h.state == waiting
		s.mu.Unlock()
		if err := h.Run(context.Background()); err != nil && mine {
			s.mu.Lock()
			s.addEarly(err, h.bestEffort)
			s.mu.Unlock()
		}
	}()
}
