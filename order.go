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
	g.byName = make(map[string]int32, total)
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
	kind := usesOf(e.uses)
	if g.named(e.name) {
		return 0, false
	}
	var to, names []int32
	if kind == useNames {
		if g.byName == nil {
			return 0, false // no names were looked up so far
		}
		for _, name := range e.uses {
			if name == nothingName {
				continue
			}
			id, known := g.byName[name]
			if !known || name == e.name {
				return 0, false
			}
			if !slices.Contains(names, id) {
				names = append(names, id)
			}
			for _, b := range g.groups[id].bearers {
				if e.last && !g.v[b].last && !g.v[b].done {
					return 0, false
				}
				to = append(to, b)
			}
		}
		slices.Sort(to)
		to = slices.Compact(to)
	}
	i = int32(len(g.v))
	g.v = append(g.v, vertex{kind: kind, last: e.last})
	g.order = append(g.order, i)
	class := g.class(i)
	if e.last {
		g.lasts = append(g.lasts, i)
	} else {
		g.plain++
	}
	if id, ok := g.byName[e.name]; ok {
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
	if kind == useAll {
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
	id, ok := g.byName[name]
	return ok && g.groups[id].unended > 0
}

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
