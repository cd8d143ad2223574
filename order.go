package lastly

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
