package lastly

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// Go has no way to ask "which hook is calling?", and the answer decides between waiting and deadlock: Close called by a
// hook of that very scope can't wait for itself, and Close has no context to tell by. So every goroutine that a scope
// waits for carries a mark at the bottom of its stack, where a stack trace shows it. Making the mark costs nothing; the
// trace is taken only when somebody would have to wait, or hangs. docs/decisions/0002 tells what else was tried.

// insider is a goroutine that a scope waits for: one that runs hooks, a Go, or Main's run.
type insider struct {
	scope  *Scope
	h      *Handle // the hook that it runs now; only its own goroutine writes it, and not while it waits
	id     uint64
	exited bool // it called Exit; only its own goroutine writes and reads it
}

// mark is what a stack trace shows of an insider. An array of two words is passed in memory, not in registers, so traces
// print it as it is, however the program was compiled.
type mark [2]uint64

const markTag = 0x6c6173746c79 // "lastly"

// markText is how a trace begins a mark.
var markText = []byte(fmt.Sprintf("{%#x, 0x", uint64(markTag)))

// marked finds the mark in the trace of one goroutine; 0 when there is none.
func marked(trace []byte) uint64 {
	i := bytes.LastIndex(trace, markText)
	if i < 0 {
		return 0
	}
	digits, _, _ := bytes.Cut(trace[i+len(markText):], []byte("}"))
	id, _ := strconv.ParseUint(string(digits), 16, 64)
	return id
}

// lastMark is the newest insider's id.
var lastMark atomic.Uint64

func (in *insider) newMark() mark {
	in.id = lastMark.Add(1)
	return mark{markTag, in.id}
}

// inhabitant is what an insider does.
type inhabitant interface{ inside(in *insider) }

// live is the bottom of the stack of every insider: it bears the mark.
//
//go:noinline
func (in *insider) live(_ mark, who inhabitant) {
	in.enter()
	defer in.leave()
	who.inside(in)
}

// insiders finds an insider by its mark, in shards so that scopes closed by many goroutines at once don't queue for it.
var insiders [16]struct {
	mu sync.Mutex
	m  map[uint64]*insider
}

// insiderCount is how many there are. While it is 0, nobody who asks can be one of them.
var insiderCount atomic.Int64

func (in *insider) enter() {
	insiderCount.Add(1)
	t := &insiders[in.id&15]
	t.mu.Lock()
	if t.m == nil {
		t.m = make(map[uint64]*insider)
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
	if insiderCount.Load() == 0 || !mayBeInsider() {
		return nil
	}
	id := marked(ownStack())
	if id == 0 {
		return nil
	}
	t := &insiders[id&15]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m[id]
}

// mayBeInsider looks for live among the outermost frames, which is cheaper than a trace as text.
func mayBeInsider() bool {
	var pcs [128]uintptr
	n := runtime.Callers(2, pcs[:])
	if n == len(pcs) {
		return true // too deep to tell
	}
	live := reflect.ValueOf((*insider).live).Pointer()
	for _, pc := range pcs[max(0, n-5):n] {
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Entry() == live {
			return true
		}
	}
	return false
}

func ownStack() []byte {
	for size := 8 << 10; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, false); n < size || size >= maxStackDump {
			return buf[:n]
		}
	}
}

// insiderKey finds in a context the insider that it was given to.
type insiderKey struct{}

// callerInside finds out which insider calls: by its goroutine, or by its context in another goroutine's hands.
func callerInside(ctx context.Context) *insider {
	if in := thisInsider(); in != nil {
		return in
	}
	in, _ := ctx.Value(insiderKey{}).(*insider)
	return in
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
