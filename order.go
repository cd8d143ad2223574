package lastly

import (
	"slices"
)

// This file is the one rule of order as a data structure: no clock, no goroutine, no lock. It is told which hooks there
// are, which one started and which one ended, and answers which ones may start now.
//
// "Every hook registered before" would be n*n/2 edges. They are kept as a chain of barriers instead: a hook that names
// nothing (a barrier) uses the hooks between the barrier before it and itself, that barrier included; everything
// further down follows from there. Names work alike: the users of a name count down one group, and the group releases
// the bearers of the name. So building and walking are linear in hooks and names.

// use says how a hook is ordered against the others of its scope.
type use uint8

const (
	useAll     use = iota // names nothing: everything registered earlier
	useNames              // names some: only those
	useNothing            // independent
)

// nothingName is the one element of Nothing. No hook is ever found under it.
const nothingName = "\x00lastly.Nothing"

// usesOf classifies what a user wrote into Hook.Uses.
func usesOf(uses []string) use {
	if len(uses) == 0 {
		return useAll
	}
	for _, name := range uses {
		if name != nothingName {
			return useNames
		}
	}
	return useNothing
}

// entry is all that the order needs to know of a hook.
type entry struct {
	name    string
	uses    []string
	last    bool
	started bool // it runs already (early, by its handle): it constrains others, nothing constrains it
	late    bool // registered while its scope closed: it never overlaps what it uses
}

type vertexState uint8

const (
	pending vertexState = iota
	started
	ended
)

// vertex is one hook of the graph.
type vertex struct {
	waits int32 // what has to be complete before this one may start
	state vertexState
	kind  use
	last  bool
	early bool    // ran before the graph was made: it waits for nothing
	done  bool    // complete: ended, and everything that it waited for is complete too
	seg   []int32 // a barrier's: the hooks it releases when it is complete
	*links
}

// links are the edges that most hooks don't have.
type links struct {
	out    []int32 // hooks released when this one is complete
	after  []int32 // hooks released as soon as this one has ended
	groups []int32 // the names it uses: each is counted down when it is complete
	direct bool    // its names were turned into out; groups only tells which they were
}

// group is one name that is used: it waits for the name's users and releases the name's bearers.
type group struct {
	name     string
	waits    int32 // users that are not complete and reach the bearers through the group
	unended  int32 // users that are not complete, however they reach them
	lastUser int32
	bearers  []int32
}

// unknownUse is a name that nobody registered.
type unknownUse struct {
	hook int32
	name string
}

// graph orders the hooks of one flow. Hooks are numbered in the order of registration.
type graph struct {
	v       []vertex
	groups  []group
	byName  map[string]int32
	order   []int32    // effective order: everything is used only by what stands behind it
	open    [2][]int32 // hooks with no unfinished barrier behind them; [0] ordinary, [1] Last
	kept    [2]int     // how many of open were unfinished when it was last cleared
	plain   int        // ordinary hooks that are not complete: the gate before the Last ones
	lasts   []int32
	through []int32   // ended before their turn, and complete now: end works them off
	cycles  [][]int32 // members in the order of registration
	unknown []unknownUse

	heights   []int32 // longest chain that starts at a hook; nil until somebody asks
	maxHeight int32
}

// newGraph applies the rule of order to the given hooks.
func newGraph(entries []entry) *graph {
	g := &graph{v: make([]vertex, 0, len(entries)), order: make([]int32, 0, len(entries))}
	g.build(entries)
	return g
}

func (g *graph) build(entries []entry) {
	named, anyLast := false, false
	for i := range entries {
		e := &entries[i]
		v := vertex{kind: usesOf(e.uses), last: e.last}
		if e.started {
			v.state, v.early = started, true
		}
		named = named || v.kind == useNames
		anyLast = anyLast || e.last
		g.v = append(g.v, v)
	}
	inCycle := []int32(nil)
	if named {
		g.index(entries)
		g.spreadLast()
		inCycle = g.findCycles()
		g.place(inCycle)
	} else {
		for i := range g.v {
			g.order = append(g.order, int32(i))
		}
	}
	for i := range g.v {
		if g.v[i].last {
			g.lasts = append(g.lasts, int32(i))
		} else {
			g.plain++
		}
	}
	if named {
		g.linkNames(entries, inCycle)
	}
	if len(g.lasts) == 0 {
		g.open[0] = g.linkBarriers(g.order)
	} else {
		plain := make([]int32, 0, g.plain)
		lasts := make([]int32, 0, len(g.lasts))
		for _, i := range g.order {
			if g.v[i].last {
				lasts = append(lasts, i)
			} else {
				plain = append(plain, i)
			}
		}
		g.open[0], g.open[1] = g.linkBarriers(plain), g.linkBarriers(lasts)
	}
	for i := range entries {
		if entries[i].late && g.v[i].state == pending {
			g.keepApart(int32(i))
		}
	}
}

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

// findBearers lists the bearers of each name, all lists in one array.
func (g *graph) findBearers(entries []entry) {
	of := make([]int32, len(entries))
	count := make([]int32, len(g.groups))
	total := 0
	for i := range entries {
		id, ok := g.byName[entries[i].name]
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

// linkNames draws the edges that names make.
func (g *graph) linkNames(entries []entry, inCycle []int32) {
	for i := range g.v {
		u := &g.v[i]
		if u.kind != useNames {
			continue
		}
		// A group can't leave out one bearer, so whoever must (its own name, its own cycle) gets direct edges.
		u.direct = inCycle[i] >= 0
		for _, id := range u.groups {
			u.direct = u.direct || g.groups[id].name == entries[i].name
		}
		if !u.direct {
			for _, id := range u.groups {
				g.groups[id].waits++
			}
			continue
		}
		var to []int32
		for _, id := range u.groups {
			for _, b := range g.groups[id].bearers {
				if b != int32(i) && (inCycle[i] < 0 || inCycle[b] != inCycle[i]) {
					to = append(to, b)
				}
			}
		}
		slices.Sort(to)
		for _, b := range slices.Compact(to) {
			g.link(int32(i), b)
		}
	}
	for id := range g.groups {
		if g.groups[id].waits == 0 {
			continue
		}
		for _, b := range g.groups[id].bearers {
			g.hold(b)
		}
	}
	for _, members := range g.cycles {
		for k := 1; k < len(members); k++ {
			g.link(members[k], members[k-1])
		}
	}
}

// hold gives hook i one more thing to wait for. What ran before the graph was made waits for nothing.
func (g *graph) hold(i int32) {
	if v := &g.v[i]; !v.early {
		v.waits++
	}
}

// linksOf returns the edges of hook i, made when it has none yet.
func (g *graph) linksOf(i int32) *links {
	v := &g.v[i]
	if v.links == nil {
		v.links = &links{}
	}
	return v.links
}

// link makes to wait until from is complete.
func (g *graph) link(from, to int32) {
	l := g.linksOf(from)
	l.out = append(l.out, to)
	g.hold(to)
}

// linkAfter makes to wait until from, which runs, has ended.
func (g *graph) linkAfter(from, to int32) {
	l := g.linksOf(from)
	l.after = append(l.after, to)
	g.hold(to)
}

// linkBarriers chains the hooks that name nothing through seq, which is one class in effective order, and returns what
// stands behind the last of them, that one included, and what runs already: a late barrier has to look at both.
func (g *graph) linkBarriers(seq []int32) (open []int32) {
	lo := 0
	var early []int32
	for p, i := range seq {
		b := &g.v[i]
		if b.early {
			early = append(early, i)
		}
		if b.kind != useAll {
			continue
		}
		if b.early {
			// It was started out of order, so the chain can't run through it.
			for _, j := range seq[:p] {
				g.link(i, j)
			}
			continue
		}
		b.seg = seq[lo:p:p]
		for _, j := range b.seg {
			g.hold(j)
		}
		lo = p
	}
	return append(seq[lo:len(seq):len(seq)], early...)
}

// keepApart makes a late hook wait for the running hooks that it uses: it came too late to run before them, and what it
// undoes may lean on them until they are done.
func (g *graph) keepApart(i int32) {
	v := &g.v[i]
	if v.kind == useAll {
		for j := range g.v {
			if w := &g.v[j]; w.state == started && w.last == v.last {
				g.linkAfter(int32(j), i)
			}
		}
	}
	for _, id := range g.names(i) {
		for _, b := range g.groups[id].bearers {
			if g.v[b].state == started {
				g.linkAfter(b, i)
			}
		}
	}
}
