package cost

import "sync"

// SliceFloor is a mutex and a slice: the least that registering can cost.
var SliceFloor = Subject{
	Name: "floor: mutex and slice",
	New:  func(int) Registry { return new(slice) },
}

type slice struct {
	mu    sync.Mutex // guards hooks
	hooks []func()
}

func (s *slice) Register(int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, hook)
}

func (s *slice) Run() {
	s.mu.Lock()
	hooks := s.hooks
	s.hooks = nil
	s.mu.Unlock()
	for i := len(hooks) - 1; i >= 0; i-- {
		hooks[i]()
	}
}

// ListFloor is a mutex and a doubly linked list: the least that registering
// can cost if unregistering shall be possible at any time.
var ListFloor = Subject{
	Name: "floor: mutex and linked list",
	New:  func(n int) Registry { return &list{nodes: make([]*node, n)} },
}

type list struct {
	nodes []*node // what Register's callers would keep

	mu   sync.Mutex // guards last and the nodes' links
	last *node
}

type node struct {
	hook       func()
	prev, next *node
}

func (l *list) Register(i int) {
	n := &node{hook: hook}
	l.nodes[i] = n
	l.mu.Lock()
	defer l.mu.Unlock()
	n.prev = l.last
	if l.last != nil {
		l.last.next = n
	}
	l.last = n
}

func (l *list) Remove(i int) {
	n := l.nodes[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
	if n.prev != nil {
		n.prev.next = n.next
	}
	n.prev, n.next = nil, nil
}

func (l *list) Run() {
	l.mu.Lock()
	n := l.last
	l.last = nil
	l.mu.Unlock()
	for ; n != nil; n = n.prev {
		n.hook()
	}
}
