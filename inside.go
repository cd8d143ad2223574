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
	if insiderCount.Load() == 0 {
		return nil
	}
	if in := thisInsider(); in != nil {
		return in
	}
	in, _ := ctx.Value(insiderKey{}).(*insider)
	return in
}

// waits are the waits of insiders for scopes and for other hooks, so that one which would close a circle is refused. A
// hook waits only when it closes another scope or runs another's handle, which is rare: one lock will do. What a flow
// waits for by itself, its hooks and the scopes under its own, is not in it: who waits for the flow's scope or for the
// hook waits for that, too.
var waits waitTable

type waitTable struct {
	mu sync.Mutex
	on map[any]map[*wait]struct{} // by the *Scope or *Handle that is waited for
}

type wait struct {
	by *insider
	on any // the *Scope or *Handle
}

// beginWait notes that in waits for a scope or a hook. It returns false, and notes nothing, if that could never end:
// because what it waits for waits for it.
func beginWait[T *Scope | *Handle](in *insider, on T) (*wait, bool) {
	w := &wait{by: in, on: on}
	waits.mu.Lock()
	defer waits.mu.Unlock()
	if waits.closesCircle(w) {
		return nil, false
	}
	if waits.on == nil {
		waits.on = make(map[any]map[*wait]struct{})
	}
	if waits.on[on] == nil {
		waits.on[on] = make(map[*wait]struct{})
	}
	waits.on[on][w] = struct{}{}
	return w, true
}

func endWait(w *wait) {
	waits.mu.Lock()
	defer waits.mu.Unlock()
	delete(waits.on[w.on], w)
	if len(waits.on[w.on]) == 0 {
		delete(waits.on, w.on)
	}
}

// closesCircle reports whether what w waits for needs its insider to go on, or one that waits for it, or for that one.
func (t *waitTable) closesCircle(w *wait) bool {
	stuck := []*insider{w.by}
	seen := make(map[any]bool)
	for len(stuck) > 0 {
		in := stuck[len(stuck)-1]
		stuck = stuck[:len(stuck)-1]
		if w.needs(in) {
			return true
		}
		needing := []any{in.h}
		for c := in.scope; c != nil && !seen[c]; c = c.up() {
			needing = append(needing, c)
		}
		for _, on := range needing {
			if !seen[on] {
				seen[on] = true
				for other := range t.on[on] {
					stuck = append(stuck, other.by)
				}
			}
		}
	}
	return false
}

// needs reports whether what w waits for waits for in to go on.
func (w *wait) needs(in *insider) bool {
	if s, ok := w.on.(*Scope); ok {
		return in.scope.within(s)
	}
	return w.on == any(in.h)
}
