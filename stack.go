package lastly

import (
	"bytes"
	"runtime"
	"time"
)

// stackTaker finds the stacks of goroutines that hang. Go can only print all goroutines at once, with the world stopped,
// so it is done rarely compared to what it costs: a thousand hung hooks must not spend their grace on stack traces.
type stackTaker struct {
	taken int
	last  time.Time
	cost  time.Duration
}

const (
	maxTaken     = 16 // after so many, the rest is looked at once, when the flow ends
	maxStackDump = 64 << 20
	maxStack     = 64 << 10 // of one goroutine, kept
)

// takeAll returns the stacks of the given goroutines, or nothing when it was done a moment ago and it need not be now.
func (t *stackTaker) takeAll(ids []uint64, now bool) map[uint64][]byte {
	if len(ids) == 0 || !now && (t.taken >= maxTaken || t.cost > 0 && time.Since(t.last) < 20*t.cost) {
		return nil
	}
	began := time.Now()
	found := stacksOf(ids)
	t.taken++
	t.last = time.Now()
	t.cost = t.last.Sub(began)
	return found
}

func stacksOf(ids []uint64) map[uint64][]byte {
	wanted := make(map[uint64][]byte, len(ids))
	for _, id := range ids {
		wanted[id] = nil
	}
	for dump := allStacks(); len(dump) > 0; {
		one, rest, _ := bytes.Cut(dump, []byte("\n\n"))
		dump = rest
		id := marked(one)
		if _, ok := wanted[id]; ok {
			wanted[id] = bytes.Clone(one[:min(len(one), maxStack)])
		}
	}
	return wanted
}

func allStacks() []byte {
	for size := max(64<<10, 2048*runtime.NumGoroutine()); ; size *= 2 {
		buf := make([]byte, min(size, maxStackDump))
		n := runtime.Stack(buf, true)
		if n < len(buf) || len(buf) == maxStackDump {
			return buf[:n]
		}
	}
}

// stackID is the insider to look at when the hook hangs.
func (r *record) stackID() uint64 {
	if t, ok := r.h.ext.(*task); ok {
		return t.in.id
	}
	if r.extras != nil && r.early != nil {
		return r.early.worker.Load()
	}
	return r.worker.Load()
}

// fillStacks looks once more for the stacks that were too dear when their hooks were abandoned.
func (f *flow) fillStacks() {
	f.s.mu.Lock()
	var missing []*record
	var ids []uint64
	if len(f.errs) > 0 {
		f.eachRecord(func(r *record) {
			if te, ok := abandonedError(r); ok && te.Stack == nil {
				missing = append(missing, r)
				ids = append(ids, r.stackID())
			}
		})
	}
	f.s.mu.Unlock()
	if len(missing) == 0 {
		return
	}
	stacks := f.stacks.takeAll(ids, true)
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	renewed := make(map[error]error)
	for k, r := range missing {
		te, _ := abandonedError(r)
		with := *te // errors that were handed out are not changed
		with.Stack = stacks[ids[k]]
		old := r.failure
		r.failure = r.h.failure(&with)
		renewed[old] = r.failure
	}
	for i, err := range f.errs {
		if with, ok := renewed[err]; ok {
			f.errs[i] = with
		}
	}
}

func abandonedError(r *record) (*TimeoutError, bool) {
	if r.outcome != outcomeAbandoned || r.failure == nil {
		return nil, false
	}
	te, ok := r.failure.Err.(*TimeoutError) //nolint:errorlint // it is this package's own, unwrapped
	return te, ok
}
