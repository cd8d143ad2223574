package lastly

import "slices"

// This file walks the graph: what starts, ends, and comes late.

// mayStart reports whether hook i may start now.
func (g *graph) mayStart(i int32) bool {
	v := &g.v[i]
	return v.state == pending && v.waits == 0 && (!v.last || g.plain == 0)
}

// ready appends the hooks that may start now.
func (g *graph) ready(to []int32) []int32 {
	// In effective order from behind: where nothing else decides, the youngest goes first.
	for k := len(g.order) - 1; k >= 0; k-- {
		if i := g.order[k]; g.mayStart(i) {
			to = append(to, i)
		}
	}
	return to
}

// start notes that hook i runs.
func (g *graph) start(i int32) { g.v[i].state = started }

// end notes that hook i has ended, whether it had its turn or was run or cancelled early, and appends the hooks that
// may start because of it.
func (g *graph) end(i int32, to []int32) []int32 {
	v := &g.v[i]
	v.state = ended
	if v.links != nil {
		for _, j := range v.after {
			to = g.release(j, to)
		}
		v.after = nil
	}
	if v.waits > 0 {
		// It ended before its turn. What it uses has still to wait for what it waited for: it completes later.
		return to
	}
	g.through = append(g.through, i)
	for len(g.through) > 0 {
		next := g.through[len(g.through)-1]
		g.through = g.through[:len(g.through)-1]
		to = g.complete(next, to)
	}
	return to
}

// complete releases what hook i kept back.
func (g *graph) complete(i int32, to []int32) []int32 {
	v := &g.v[i]
	v.done = true
	if v.links != nil {
		for _, j := range v.out {
			to = g.release(j, to)
		}
		for _, id := range v.groups {
			g.groups[id].unended--
			if !v.direct {
				to = g.countDown(id, to)
			}
		}
		v.links = nil
	}
	if len(v.seg) > 0 {
		for k := len(v.seg) - 1; k >= 0; k-- {
			to = g.release(v.seg[k], to)
		}
		g.reopen(g.class(i), v.seg)
		v.seg = nil
	}
	if !v.last {
		if g.plain--; g.plain == 0 {
			for k := len(g.lasts) - 1; k >= 0; k-- {
				if g.mayStart(g.lasts[k]) {
					to = append(to, g.lasts[k])
				}
			}
		}
	}
	return to
}

// countDown notes that one user of a name is complete.
func (g *graph) countDown(id int32, to []int32) []int32 {
	gr := &g.groups[id]
	if gr.waits--; gr.waits == 0 {
		for k := len(gr.bearers) - 1; k >= 0; k-- {
			to = g.release(gr.bearers[k], to)
		}
	}
	return to
}

func (g *graph) release(i int32, to []int32) []int32 {
	v := &g.v[i]
	if v.early {
		return to
	}
	if v.waits--; v.waits > 0 {
		return to
	}
	switch {
	case v.state == ended:
		g.through = append(g.through, i)
	case g.mayStart(i):
		to = append(to, i)
	}
	return to
}

func (g *graph) class(i int32) int {
	if g.v[i].last {
		return 1
	}
	return 0
}

// reopen notes that no unfinished barrier stands behind seg any more.
func (g *graph) reopen(class int, seg []int32) {
	open := append(g.open[class], seg...)
	if len(open) > 2*g.kept[class]+16 {
		open = slices.DeleteFunc(open, func(i int32) bool { return g.v[i].done })
		g.kept[class] = len(open)
	}
	g.open[class] = open
}

// add puts a hook that was registered late into the graph. It returns false when the whole order has to be made anew,
// because an unfinished hook names this one or because it changes which hooks are Last; nothing is changed then.
func (g *graph) add(e entry) (i int32, ok bool) {
	names, to, ok := g.resolve(e)
	if !ok {
		return 0, false
	}
	i = int32(len(g.v))
	g.v = append(g.v, vertex{kind: usesOf(e.uses), last: e.last})
	g.order = append(g.order, i)
	class := g.class(i)
	if e.last {
		g.lasts = append(g.lasts, i)
	} else {
		g.plain++
	}
	if id, ok := g.groupBorne(e.name); ok {
		g.groups[id].bearers = append(g.groups[id].bearers, i)
	}
	if names != nil {
		g.v[i].links = &links{groups: names, direct: true}
		for _, id := range names {
			g.groups[id].unended++
		}
	}
	for _, b := range to {
		switch g.v[b].state {
		case pending:
			g.link(i, b)
		case started:
			g.linkAfter(b, i)
		}
	}
	if g.v[i].kind == useAll {
		g.addBarrier(i, class)
	} else {
		g.open[class] = append(g.open[class], i)
	}
	if g.heights != nil {
		g.maxHeight++
		g.heights = append(g.heights, g.maxHeight)
	}
	return i, true
}

// resolve finds the names that a late hook uses, and their bearers. It returns false when that is not all there is to
// know.
func (g *graph) resolve(e entry) (names, bearers []int32, ok bool) {
	if g.named(e.name) {
		return nil, nil, false
	}
	if usesOf(e.uses) != useNames {
		return nil, nil, true
	}
	for _, name := range e.uses {
		if name == nothingName {
			continue
		}
		id, known := g.byName[name]
		if !known || name == e.name {
			return nil, nil, false // who bears it was not looked up, or it needs direct edges
		}
		if slices.Contains(names, id) {
			continue
		}
		names = append(names, id)
		for _, b := range g.groups[id].bearers {
			if e.last && !g.v[b].last && !g.v[b].done {
				return nil, nil, false // it makes that one Last
			}
			bearers = append(bearers, b)
		}
	}
	slices.Sort(bearers)
	return names, slices.Compact(bearers), true
}

// addBarrier makes the late hook i the barrier behind everything of its class.
func (g *graph) addBarrier(i int32, class int) {
	open := []int32{i}
	var seg []int32
	for _, j := range g.open[class] {
		w := &g.v[j]
		switch {
		case w.done:
		case w.state == started:
			// i waits for it, so what only it kept back has to wait for i from now on.
			seg = append(seg, w.seg...)
			w.seg = nil
			g.linkAfter(j, i)
			open = append(open, j) // the next late one will have to wait for it too
		default:
			g.hold(j)
			seg = append(seg, j)
		}
	}
	g.v[i].seg = seg
	g.open[class], g.kept[class] = open, len(open)
}

// named reports whether an unfinished hook names name.
func (g *graph) named(name string) bool {
	id, ok := g.groupBorne(name)
	return ok && g.groups[id].unended > 0
}
