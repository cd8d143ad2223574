package durable

import (
	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/internal/journal"
)

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
