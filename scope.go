package lastly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of an exit flow when nobody sets others. Together they fit into the 30 s that Kubernetes gives a pod.
const (
	DefaultGrace       = 25 * time.Second
	DefaultHookTimeout = 10 * time.Second

	// Reserve is what a flow adds to its grace, once, so that hooks whose turn comes after the grace was used up by
	// others still get a share of time.
	Reserve = 2 * time.Second
)

type phase uint8

const (
	phaseOpen    phase = iota
	phaseHolding       // closing began: holds are awaited, no hook has started
	phaseRunning       // hooks run
	phaseClosed        // everything has run
)

func (p phase) String() string {
	return [...]string{"open", "holding", "closing", "closed"}[p]
}

// A Scope owns hooks; closing it runs them. The zero value is ready to use and belongs to nobody: only its own Close
// runs it. What must run when the process exits is registered on Process or on a Child of it. A Scope must not be
// copied after its first use; its methods may be called from any goroutine, also from hooks.
type Scope struct {
	// Name is what reports and logs call the scope.
	Name string

	// Grace is how long closing may take, from its beginning; Reserve comes on top. 0 means the parent's, and
	// DefaultGrace when there is none. A negative value counts as 0.
	Grace time.Duration

	// HookTimeout is the timeout of a hook that sets none, and the time that holds are awaited. 0 means the parent's,
	// and DefaultHookTimeout when there is none. A negative value counts as 0.
	HookTimeout time.Duration

	// Logger hears what closing does: its beginning and end (Info), each hook (Debug), failures (Error). nil means the
	// parent's, and silence when there is none. A handler that blocks does not hold up the flow.
	Logger *slog.Logger

	parent *Handle // stands for this scope in its parent; nil for one that belongs to nobody
	note   note    // of parent

	mu sync.Mutex // guards everything below; never held while foreign code runs

	phase      phase
	lastID     uint32
	head, tail *Handle // what is registered and has not ended, in the order of registration
	count      int     // how many
	odd        int     // of them, those that name others, or nothing, or are Last
	solos      int     // of them, those that run early
	holds      *hold
	flow       *flow // the one that closes, or closed, this scope
	cause      error // of the close
	early      []error
	earlyHard  int // how many of early count for the exit code
	err        error
	settled    bool     // err is final
	claimed    bool     // somebody asked for err
	unclaimed  []*Scope // children that closed because a Go failed
	ctx        context.Context
	cancel     context.CancelCauseFunc
	done       chan struct{} // made when somebody asks
	late       lateStats
	overrides  overrides
	exit       *exitInfo
	logging    atomic.Bool // a line is on its way to the Logger
}

// overrides are a Program's settings for the process scope, kept apart from the fields that belong to the user.
type overrides struct {
	grace, hookTimeout time.Duration
	logger             *slog.Logger
}

// Register adds a hook. It panics if h.Run is nil or h.Timeout is negative, and fails in no other way. While the scope
// closes, the hook joins the running flow: it comes next, after what it uses and already runs. On a closed scope, it
// runs before Register returns; its failure is logged, in the Report, and what the handle's Run returns.
func (s *Scope) Register(h Hook) *Handle {
	return s.register(&h, kindHook, nil, caller(0))
}

// Defer registers a cleanup that uses everything registered before it, as a defer statement would. It panics if run is
// nil.
func (s *Scope) Defer(name string, run func(context.Context) error) *Handle {
	return s.register(&Hook{Name: name, Run: run}, kindHook, nil, caller(0))
}

// DeferIn is Scope.Defer for any shape of cleanup: lastly.DeferIn(scope, "db", db.Close). It panics if c is nil.
func DeferIn[C Cleanup](s *Scope, name string, c C) *Handle {
	return s.register(&Hook{Name: name, Run: Func(c)}, kindHook, nil, caller(0))
}

// register is the one way in. ext belongs to the kind; see Handle.
func (s *Scope) register(hook *Hook, kind handleKind, ext any, site uintptr) *Handle {
	hook.check("Register", site)
	h := newHandle(s, hook, kind, site)
	h.ext = ext
	if kind == kindHook && hook.Note != nil {
		h.ext = note(hook.Note)
	}
	s.mu.Lock()
	if s.isOver() {
		s.mu.Unlock()                                                      // for good
		_ = s.runLate(h).await(context.Background(), context.Background()) // its result is the handle's; its flow bounds it
		return h
	}
	s.lastID++
	h.id = s.lastID
	s.link(h)
	if kind == kindGo {
		ext.(*task).start(h)
	}
	if s.phase == phaseRunning {
		s.flow.join(h)
	}
	s.mu.Unlock()
	return h
}

// isOver reports whether nothing more can join: the scope is closed, or its time is over and its flow about to end. Called
// with the lock held.
func (s *Scope) isOver() bool {
	return s.phase == phaseClosed || s.phase == phaseRunning && s.flow.ending
}

func (s *Scope) link(h *Handle) {
	h.prev = s.tail
	if s.tail != nil {
		s.tail.next = h
	} else {
		s.head = h
	}
	s.tail = h
	s.count++
	if h.odd {
		s.odd++
	}
}

func (s *Scope) unlink(h *Handle) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		s.head = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	} else {
		s.tail = h.prev
	}
	h.prev, h.next = nil, nil
	s.count--
	if h.odd {
		s.odd--
	}
}

// Child returns a new scope that is one hook of s: closing s closes it at its place in the order, bounded by what is
// left to s, or by h.Timeout. Closing the child by itself takes it out of s. Child panics if h.Run is not nil or
// h.Timeout is negative. To build several things or none, register on a child and defer its Rollback. A child of a
// closed scope is closed. Child may be called from a hook.
func (s *Scope) Child(h Hook) *Scope {
	site := caller(0)
	if h.Run != nil {
		panic(fmt.Sprintf("lastly: Child at %s: hook %q has a Run function; a child's cleanup is its own Close", siteString(site), h.Name))
	}
	c := &Scope{Name: h.Name, note: h.Note}
	h.Run = c.closeAsHook
	hd := newHandle(s, &h, kindChild, site)
	hd.ext = c
	c.parent = hd
	h.check("Child", site)
	s.adopt(hd, c)
	return c
}

// adopt registers a child's handle.
func (s *Scope) adopt(h *Handle, c *Scope) {
	s.mu.Lock()
	if s.isOver() {
		s.mu.Unlock()
		h.state = finished
		_ = c.Close()
		return
	}
	s.lastID++
	h.id = s.lastID
	s.link(h)
	if s.phase == phaseRunning {
		s.flow.join(h)
	}
	s.mu.Unlock()
}

// Rollback, deferred, closes s if *err is not nil or the function panics, and joins what the close returns to *err. The
// panic goes on. err may be nil: then only a panic counts. The end of the goroutine by runtime.Goexit (t.FailNow) does
// not count. It may be used in a hook.
//
//	child := scope.Child(lastly.Hook{Name: "upload"})
//	defer child.Rollback(&err)
func (s *Scope) Rollback(err *error) {
	if v := recover(); v != nil {
		_ = s.Close()
		panic(v) // from within the deferred call, so that the stack of the panic is still there
	}
	if err != nil && *err != nil {
		if closeErr := s.Close(); closeErr != nil {
			*err = errors.Join(*err, closeErr)
		}
	}
}

// Close is Shutdown bounded by the scope's Grace alone. It makes a Scope an io.Closer. A second Close returns the first
// one's result.
func (s *Scope) Close() error { return s.shutdown(context.Background(), nil) }

// Shutdown closes the scope: Context ends, holds are awaited, then every hook runs in its order. It returns their
// failures, each a *HookError, joined in the order in which they happened; a hold that was not released in time is one
// of them. It never hangs: Grace plus Reserve is the most it takes, or ctx plus Reserve when that is less. When ctx
// ends, hooks are hurried but not skipped. Only the first caller's ctx does that: whoever comes later waits for the
// same result, no longer than its own ctx, and gets an error that wraps ctx.Err() when that ends first. A hook that
// (directly or not) asks for its own scope's close gets ErrClosing at once, and neither hurries nor bounds it.
func (s *Scope) Shutdown(ctx context.Context) error { return s.shutdown(ctx, nil) }

// Context ends when the closing of this scope begins; context.Cause tells why: ErrClosing, a *SignalError, an
// *ExitError, or the *HookError of a Go that failed.
func (s *Scope) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(context.Background())
		if s.phase != phaseOpen {
			s.cancel(s.cause)
		}
	}
	return s.ctx
}

// Closed returns a channel that is closed when everything has run.
func (s *Scope) Closed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doneLocked()
}

func (s *Scope) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == phaseClosed
}

func (s *Scope) doneLocked() chan struct{} {
	if s.done == nil {
		s.done = make(chan struct{})
		if s.settled {
			close(s.done)
		}
	}
	return s.done
}

// Check returns what is wrong with the order as it is declared now, in this scope and its children: a *CycleError for
// each loop, an *UnknownNameError for each name that nobody registered. Call it in a test of your wiring.
func (s *Scope) Check() error {
	s.mu.Lock()
	hooks := s.list()
	s.mu.Unlock()
	var errs []error
	g := newGraph(entriesOf(hooks))
	for _, c := range g.cycles {
		errs = append(errs, &CycleError{Scope: s.Name, Members: membersOf(c, hooks)})
	}
	for _, u := range g.unknown {
		errs = append(errs, &UnknownNameError{Scope: s.Name, Hook: hooks[u.hook].member(), Name: u.name})
	}
	for _, h := range hooks {
		if c, ok := h.ext.(*Scope); ok {
			errs = append(errs, c.Check())
		}
	}
	return errors.Join(errs...)
}

// list returns what is registered and has not ended.
func (s *Scope) list() []*Handle {
	var hooks []*Handle
	for h := s.head; h != nil; h = h.next {
		hooks = append(hooks, h)
	}
	return hooks
}

func entriesOf(hooks []*Handle) []entry {
	entries := make([]entry, len(hooks))
	for i, h := range hooks {
		entries[i] = entry{name: h.name, uses: h.uses, last: h.last, started: h.state == running}
	}
	return entries
}

// settings resolves what is not set through the parents.
func (s *Scope) settings() (grace, hookTimeout time.Duration, logger *slog.Logger) {
	for c := s; c != nil; c = c.up() {
		c.mu.Lock()
		o := c.overrides
		c.mu.Unlock()
		grace = firstSet(grace, o.grace, c.Grace)
		hookTimeout = firstSet(hookTimeout, o.hookTimeout, c.HookTimeout)
		logger = cmp.Or(logger, o.logger, c.Logger)
	}
	return firstSet(grace, DefaultGrace), firstSet(hookTimeout, DefaultHookTimeout), logger
}

func (s *Scope) up() *Scope {
	if s.parent == nil {
		return nil
	}
	return s.parent.scope
}

// within reports whether s is t or a descendant of t.
func (s *Scope) within(t *Scope) bool {
	for c := s; c != nil; c = c.up() {
		if c == t {
			return true
		}
	}
	return false
}

func firstSet(ds ...time.Duration) time.Duration {
	for _, d := range ds {
		if d > 0 {
			return min(d, forever)
		}
	}
	return 0
}

// title is the scope's name for a human.
func (s *Scope) title() string {
	if s.Name == "" {
		return "scope"
	}
	return "scope " + strconv.Quote(s.Name)
}
