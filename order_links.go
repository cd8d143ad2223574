package lastly

import "slices"

// This file draws the edges of the graph: those of names, and the chain of barriers.

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
