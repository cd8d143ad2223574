package durable

import (
	"cmp"
	"context"
	"slices"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/journal"
)

// A tree is the scopes of a journal, as they were nested.
type tree struct {
	scope    journal.Scope
	children map[uint64]*tree
	items    []item
}

// An item is one record of a scope, or a scope in it.
type item struct {
	at    uint64
	index int
	run   func(context.Context) error
	child *tree
}

func newTree() *tree { return &tree{children: make(map[uint64]*tree)} }

// maxDepth is how deep scopes are told apart. Nobody nests so deep; a journal could say so, to keep a settler busy.
const maxDepth = 100

// at returns the node of a scope, made when it is missing. Outermost scopes have no place in anything: they stand in the
// order of their first records.
func (t *tree) at(path []journal.Scope) *tree {
	node := t
	for depth, scope := range path[:min(len(path), maxDepth)] {
		child := node.children[scope.ID]
		if child == nil {
			child = newTree()
			child.scope = scope
			at := scope.ID
			if depth == 0 {
				at = uint64(len(node.children))
			}
			node.children[scope.ID] = child
			node.items = append(node.items, item{at: at, child: child})
		}
		node = child
	}
	return node
}

func (t *tree) add(at uint64, index int, run func(context.Context) error) {
	t.items = append(t.items, item{at: at, index: index, run: run})
}

// register builds the scopes. Records that say the same place were registered side by side; those journaled first come
// first.
func (t *tree) register(s *lastly.Scope, record func(int) *journal.Record) {
	slices.SortStableFunc(t.items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	for _, it := range t.items {
		if it.child != nil {
			sc := it.child.scope
			it.child.register(s.Child(lastly.Hook{Name: sc.Name, Uses: sc.Uses, Last: sc.Last}), record)
			continue
		}
		r := record(it.index)
		s.Register(lastly.Hook{Name: r.Name, Uses: r.Uses, Last: r.Last, Timeout: max(0, r.Timeout), Run: it.run})
	}
}

// blockedBy adds to late all entries whose turn, by the rules of order, comes after one that is late.
func blockedBy(entries []journal.Entry, late map[int]bool) {
	t := newTree()
	for i := range entries {
		r := &entries[i].Record
		t.at(r.Scopes).add(r.Position, i, nothing)
	}
	plan := &lastly.Scope{}
	t.register(plan, func(i int) *journal.Record { return &entries[i].Record })
	t.block(plan.Report(), false, late)
}

// block is blockedBy for one scope. after says that the scope itself comes after something late.
func (t *tree) block(plan lastly.Report, after bool, late map[int]bool) {
	at := make(map[int]int, len(t.items)) // from the plan's IDs to items: both are in the order of registration
	for k := range t.items {
		at[plan.Hooks[k].ID] = k
	}
	known := make([]bool, len(t.items))
	blocked := make([]bool, len(t.items))
	var visit func(k int) bool
	visit = func(k int) bool {
		if !known[k] {
			known[k] = true
			blocked[k] = after
			for _, id := range plan.Hooks[k].WaitsFor {
				before := at[id]
				if visit(before) || t.items[before].hasLate(late) {
					blocked[k] = true
				}
			}
		}
		return blocked[k]
	}
	for k := range t.items {
		visit(k)
	}
	for k, it := range t.items {
		switch {
		case it.child != nil:
			it.child.block(*plan.Hooks[k].Scope, blocked[k], late)
		case blocked[k]:
			late[it.index] = true
		}
	}
}

// hasLate reports whether an item is late, or has something late in it.
func (it item) hasLate(late map[int]bool) bool {
	if it.child == nil {
		return late[it.index]
	}
	for _, inner := range it.child.items {
		if inner.hasLate(late) {
			return true
		}
	}
	return false
}
