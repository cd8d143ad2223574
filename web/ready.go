package web

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/lastly-go/lastly"
)

// A Readiness answers whether the process wants requests: 200 while it does; 503 from the moment on that its scope, or
// one that contains it, begins to close, and while something that startup waits for is pending. Ready makes one; its
// zero value is not usable. It is a http.Handler; its methods may be called from anywhere, also from hooks.
type Readiness struct {
	s       *lastly.Scope
	closing *closing

	mu      sync.Mutex // guards pending
	pending []*pending // in the order in which they were named
}

// Ready returns the handler of the readiness probe of s. It answers 503 the moment the exit flow begins, while the
// servers still serve; before that 200, unless a Gate or a Set of this very Readiness is pending: then the body of its 503
// names them. Two Readys of one scope know nothing of each other's gates: make one, and hand it on. Ready on a closed
// scope answers 503. s is the process scope or one below it: of a scope that belongs to nobody only its own Close is heard,
// not a signal.
func Ready(s *lastly.Scope) *Readiness { return &Readiness{s: s, closing: closingOf(s)} }

// ServeHTTP answers the probe.
func (r *Readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if reason := r.Reason(); reason != "" {
		answer(w, http.StatusServiceUnavailable, reason)
		return
	}
	answer(w, http.StatusOK, "ok")
}

// Reason is why the probe fails: "closing", or "waiting for: " and the names of what is pending. "" means that it
// succeeds.
func (r *Readiness) Reason() string {
	if r.closing.hasBegun() {
		return "closing"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending) == 0 {
		return ""
	}
	names := make([]string, len(r.pending))
	for i, p := range r.pending {
		names[i] = p.name
	}
	return "waiting for: " + strings.Join(names, ", ")
}

// live answers the liveness probe.
type live struct{}

// Live returns the handler of the liveness probe. It answers 200 as long as anybody can answer, also while the process
// drains: one that answered 503 then would be restarted in the middle of its work.
func Live() http.Handler { return live{} }

func (live) ServeHTTP(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

func answer(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n")
}
