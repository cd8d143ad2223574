package lastly

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// Go has no way to ask "which hook is calling?", and the answer decides between waiting and deadlock: Close called by a
// hook of that very scope can't wait for itself, and Close has no context to tell by. So the goroutines that run hooks
// are kept in a table by their number. It is looked into only when somebody would have to wait.

// insider is a goroutine that a scope waits for: one that runs hooks, a Go, or Main's run.
type insider struct {
	scope  *Scope
	h      *Handle // the hook that it runs now; only its own goroutine writes it, and not while it waits
	id     int64
	exited bool // it called Exit; only its own goroutine writes and reads it
	buf    [32]byte
}

// insiders is the one table, in shards so that scopes closed by many goroutines at once don't queue for it.
var insiders [16]struct {
	mu sync.Mutex
	m  map[int64]*insider
}

// insiderCount is how many goroutines are in the table. While it is 0, nobody who asks can be one of them.
var insiderCount atomic.Int64

// goroutineID reads the number of the calling goroutine from the first line of its stack trace, "goroutine 7 [running]:",
// the one place where Go tells it.
func goroutineID(buf []byte) int64 {
	return parseGoroutineID(buf[:runtime.Stack(buf, false)])
}

func parseGoroutineID(trace []byte) int64 {
	rest, ok := bytes.CutPrefix(trace, []byte("goroutine "))
	if !ok {
		return 0
	}
	digits, _, _ := bytes.Cut(rest, []byte(" "))
	id, _ := strconv.ParseInt(string(digits), 10, 64)
	return id
}

func (in *insider) enter() {
	insiderCount.Add(1)
	in.id = goroutineID(in.buf[:])
	t := &insiders[in.id&15]
	t.mu.Lock()
	if t.m == nil {
		t.m = make(map[int64]*insider)
	}
	t.m[in.id] = in
	t.mu.Unlock()
}

func (in *insider) leave() {
	t := &insiders[in.id&15]
	t.mu.Lock()
	delete(t.m, in.id)
	t.mu.Unlock()
	insiderCount.Add(-1)
}

// thisInsider returns the insider that calls, or nil.
func thisInsider() *insider {
	if insiderCount.Load() == 0 {
		return nil
	}
	id := goroutineID(make([]byte, 32))
	t := &insiders[id&15]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m[id]
}

// waits are the waits of insiders for scopes and for other hooks, so that one which would close a circle is refused. A
// hook waits only when it closes another scope or runs another's handle, which is rare: one lock will do.
var waits waitTable

type waitTable struct {
	mu  sync.Mutex
	all map[*wait]struct{}
}

type wait struct {
	by    *insider
	scope *Scope  // waited for, or
	h     *Handle // waited for
}

// beginWait notes that in waits for a scope or a hook. It returns false, and notes nothing, if that could never end:
// because what it waits for waits for it.
func beginWait(in *insider, s *Scope, h *Handle) (*wait, bool) {
	w := &wait{by: in, scope: s, h: h}
	waits.mu.Lock()
	defer waits.mu.Unlock()
	if waits.leadsTo(w, in, make(map[*wait]bool)) {
		return nil, false
	}
	if waits.all == nil {
		waits.all = make(map[*wait]struct{})
	}
	waits.all[w] = struct{}{}
	return w, true
}

func endWait(w *wait) {
	waits.mu.Lock()
	delete(waits.all, w)
	waits.mu.Unlock()
}

// leadsTo reports whether what w waits for can't end before in goes on.
func (t *waitTable) leadsTo(w *wait, in *insider, seen map[*wait]bool) bool {
	if seen[w] {
		return false
	}
	seen[w] = true
	if w.needs(in) {
		return true
	}
	for other := range t.all {
		if w.needs(other.by) && t.leadsTo(other, in, seen) {
			return true
		}
	}
	return false
}

// needs reports whether what w waits for waits for in to go on.
func (w *wait) needs(in *insider) bool {
	if w.scope != nil {
		return in.scope.within(w.scope)
	}
	if w.h == in.h {
		return true
	}
	child, ok := w.h.ext.(*Scope)
	return ok && in.scope.within(child)
}
