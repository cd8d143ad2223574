package lastly

import "slices"

// This file looks at the graph without changing it: how long chains are, who waits for whom.

// height is the length of the longest chain of unfinished hooks that starts at hook i: how many have to run one after
// the other once it starts.
func (g *graph) height(i int32) int32 {
	if g.heights == nil {
		g.measure()
	}
	return max(g.heights[i], 1)
}

func (g *graph) measure() {
	g.heights = make([]int32, len(g.v))
	ofName := make([]int32, len(g.groups)) // 0: not known yet
	for _, class := range []bool{true, false} {
		base := g.maxHeight // below an ordinary hook are all the Last ones
		for _, i := range g.order {
			v := &g.v[i]
			if v.last != class || v.done {
				continue
			}
			h := base
			for _, j := range v.seg {
				h = max(h, g.heights[j])
			}
			if v.links != nil {
				for _, j := range v.out {
					h = max(h, g.heights[j])
				}
				for _, id := range v.groups {
					h = max(h, g.heightOfName(id, ofName))
				}
			}
			g.heights[i] = h + 1
			g.maxHeight = max(g.maxHeight, h+1)
		}
	}
}

// heightOfName is the largest height among the bearers of a name. They stand before its users, so it is final when the
// first user asks; only the members of a cycle may see less, and theirs is an estimate.
func (g *graph) heightOfName(id int32, known []int32) int32 {
	if known[id] == 0 {
		for _, b := range g.groups[id].bearers {
			known[id] = max(known[id], g.heights[b])
		}
	}
	return known[id]
}

// relations lists for each hook what it waits for directly, and, in graphs of at most most hooks, what it is not ordered
// against at all. Only for a graph that nothing has happened to yet.
func (g *graph) relations(most int) (waits, beside [][]int32) {
	n := len(g.v)
	waits = make([][]int32, n)
	add := func(from int32, to []int32) {
		for _, j := range to {
			if !g.v[j].early {
				waits[j] = append(waits[j], from)
			}
		}
	}
	for k := n - 1; k >= 0; k-- {
		i := g.order[k]
		v := &g.v[i]
		add(i, v.seg)
		if v.links == nil {
			continue
		}
		add(i, v.out)
		if !v.direct {
			for _, id := range v.groups {
				add(i, g.groups[id].bearers)
			}
		}
	}
	g.gateRelations(waits)
	for i := range waits {
		slices.Sort(waits[i])
		waits[i] = slices.Compact(waits[i])
	}
	if n <= most {
		beside = g.unordered(waits)
	}
	return waits, beside
}

// gateRelations makes the first Last hooks wait for the last ordinary ones.
func (g *graph) gateRelations(waits [][]int32) {
	if len(g.lasts) == 0 {
		return
	}
	releases := make([]bool, len(g.v)) // has an ordinary hook after it
	for i := range waits {
		if !g.v[i].last {
			for _, j := range waits[i] {
				releases[j] = true
			}
		}
	}
	var final []int32
	for i := range g.v {
		if !g.v[i].last && !releases[i] {
			final = append(final, int32(i))
		}
	}
	for _, i := range g.lasts {
		if !slices.ContainsFunc(waits[i], func(j int32) bool { return g.v[j].last }) && !g.v[i].early {
			waits[i] = append(waits[i], final...)
		}
	}
}

// unordered lists for each hook those that are neither before nor after it.
func (g *graph) unordered(waits [][]int32) [][]int32 {
	n := len(g.v)
	words := (n + 63) / 64
	before := make([]uint64, n*words) // a row of bits for each hook: what has ended before it starts
	bit := func(i, j int32) bool { return before[int(i)*words+int(j)/64]&(1<<(j%64)) != 0 }
	visit := func(i int32) {
		row := before[int(i)*words : (int(i)+1)*words]
		for _, j := range waits[i] {
			row[j/64] |= 1 << (j % 64)
			for w, bits := range before[int(j)*words : (int(j)+1)*words] {
				row[w] |= bits
			}
		}
	}
	for _, last := range []bool{false, true} {
		for k := n - 1; k >= 0; k-- {
			if i := g.order[k]; g.v[i].last == last {
				visit(i)
			}
		}
	}
	beside := make([][]int32, n)
	for i := range int32(n) {
		for j := range int32(n) {
			if i != j && !bit(i, j) && !bit(j, i) {
				beside[i] = append(beside[i], j)
			}
		}
	}
	return beside
}
