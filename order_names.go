package lastly

import "slices"

// This file looks up names: who bears them, which hooks they make Last, and where they put what is registered later.

// index makes a group of every name that is used and finds its bearers.
func (g *graph) index(entries []entry) {
	total := 0
	for i := range entries {
		total += len(entries[i].uses)
	}
	ids := make([]int32, 0, total) // one array for all hooks
	all := make([]links, 0, len(entries))
	g.byName = make(map[string]int32, min(total, len(entries)))
	for i := range entries {
		if g.v[i].kind != useNames {
			continue
		}
		lo := len(ids)
		for _, name := range entries[i].uses {
			if name == nothingName {
				continue
			}
			id := g.groupOf(name)
			if gr := &g.groups[id]; gr.lastUser != int32(i) { // else it is named twice
				gr.lastUser = int32(i)
				gr.unended++
				ids = append(ids, id)
			}
		}
		all = append(all, links{groups: ids[lo:len(ids):len(ids)]})
		g.v[i].links = &all[len(all)-1]
	}
	g.findBearers(entries)
	for i := range g.v {
		for _, id := range g.names(int32(i)) {
			if len(g.groups[id].bearers) == 0 {
				g.unknown = append(g.unknown, unknownUse{int32(i), g.groups[id].name})
			}
		}
	}
}

func (g *graph) groupOf(name string) int32 {
	id, ok := g.byName[name]
	if !ok {
		id = int32(len(g.groups))
		g.byName[name] = id
		g.groups = append(g.groups, group{name: name, lastUser: -1})
	}
	return id
}

// groupBorne finds the group that a hook of this name belongs to. One without a name belongs to none: what reports call it
// is for people.
func (g *graph) groupBorne(name string) (id int32, ok bool) {
	if name == "" {
		return 0, false
	}
	id, ok = g.byName[name]
	return id, ok
}

// findBearers lists the bearers of each name, all lists in one array.
func (g *graph) findBearers(entries []entry) {
	of := make([]int32, len(entries))
	count := make([]int32, len(g.groups))
	total := 0
	for i := range entries {
		id, ok := g.groupBorne(entries[i].name)
		if !ok {
			of[i] = -1
			continue
		}
		of[i] = id
		count[id]++
		total++
	}
	room := make([]int32, total)
	for id := range g.groups {
		n := count[id]
		g.groups[id].bearers, room = room[:0:n], room[n:]
	}
	for i, id := range of {
		if id >= 0 {
			g.groups[id].bearers = append(g.groups[id].bearers, int32(i))
		}
	}
}

// names returns the groups that hook i uses.
func (g *graph) names(i int32) []int32 {
	if l := g.v[i].links; l != nil {
		return l.groups
	}
	return nil
}

// spreadLast makes Last what a Last hook names.
func (g *graph) spreadLast() {
	var todo []int32
	for i := range g.v {
		if g.v[i].last {
			todo = append(todo, int32(i))
		}
	}
	seen := make([]bool, len(g.groups))
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, id := range g.names(i) {
			if seen[id] {
				continue
			}
			seen[id] = true
			for _, b := range g.groups[id].bearers {
				if !g.v[b].last {
					g.v[b].last = true
					todo = append(todo, b)
				}
			}
		}
	}
}

// place computes the effective order: hooks stand in the order of registration, except that what a hook names stands
// just before it. The members of a cycle stand together, in the order of registration.
func (g *graph) place(inCycle []int32) {
	n := len(g.v)
	placed := make([]bool, n)
	seen := make([]int32, len(g.groups)) // bearers of each group before this one are placed
	type frame struct {
		hook int32
		todo []int32
	}
	var stack []frame
	for root := range n {
		if placed[root] {
			continue
		}
		stack = append(stack, frame{int32(root), g.unplaced(int32(root), inCycle, placed, seen)})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.todo) > 0 {
				next := top.todo[0]
				top.todo = top.todo[1:]
				if !placed[next] {
					stack = append(stack, frame{next, g.unplaced(next, inCycle, placed, seen)})
				}
				continue
			}
			if c := inCycle[top.hook]; c >= 0 {
				for _, m := range g.cycles[c] {
					placed[m] = true
				}
				g.order = append(g.order, g.cycles[c]...)
			} else {
				placed[top.hook] = true
				g.order = append(g.order, top.hook)
			}
			stack = stack[:len(stack)-1]
		}
	}
}

// unplaced lists what hook (or its whole cycle) names and what has no place yet, in the order of registration.
func (g *graph) unplaced(hook int32, inCycle []int32, placed []bool, seen []int32) []int32 {
	var todo []int32
	gather := func(m int32) {
		for _, id := range g.names(m) {
			bearers := g.groups[id].bearers
			for int(seen[id]) < len(bearers) && placed[bearers[seen[id]]] {
				seen[id]++
			}
			for _, b := range bearers[seen[id]:] {
				if b != m && !placed[b] && (inCycle[b] < 0 || inCycle[b] != inCycle[m]) {
					todo = append(todo, b)
				}
			}
		}
	}
	if c := inCycle[hook]; c >= 0 {
		for _, m := range g.cycles[c] {
			gather(m)
		}
	} else {
		gather(hook)
	}
	slices.Sort(todo)
	return slices.Compact(todo)
}
