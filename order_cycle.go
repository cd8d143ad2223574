package lastly

import "slices"

// findCycles finds the loops that explicit names form (Tarjan's strongly connected components, without recursion: a
// chain of names may be as long as memory allows). It returns for every hook the number of its cycle, or -1.
//
// The nodes are the hooks, then the groups: a hook leads to the names it uses, a name to its bearers.
func (g *graph) findCycles() []int32 {
	n := len(g.v)
	t := tarjan{
		g:       g,
		index:   make([]int32, n+len(g.groups)),
		low:     make([]int32, n+len(g.groups)),
		onStack: make([]bool, n+len(g.groups)),
	}
	for i := range n {
		if g.v[i].kind == useNames && t.index[i] == 0 {
			t.visit(int32(i))
		}
	}
	inCycle := make([]int32, n)
	for i := range inCycle {
		inCycle[i] = -1
	}
	// In the order of registration, so that reports are stable.
	slices.SortFunc(g.cycles, func(a, b []int32) int { return int(a[0] - b[0]) })
	for c, members := range g.cycles {
		for _, m := range members {
			inCycle[m] = int32(c)
		}
	}
	return inCycle
}

type tarjan struct {
	g       *graph
	index   []int32 // order of discovery, from 1
	low     []int32
	onStack []bool
	stack   []int32
	next    int32
	work    []frame
}

// frame is a node whose edges are being followed.
type frame struct {
	node int32
	next int // the edge to follow next
}

func (t *tarjan) edges(node int32) []int32 {
	n := int32(len(t.g.v))
	if node < n {
		return t.g.names(node) // as nodes they are numbered from n on; see visit
	}
	return t.g.groups[node-n].bearers
}

func (t *tarjan) visit(root int32) {
	n := int32(len(t.g.v))
	work := append(t.work[:0], frame{node: root})
	t.open(root)
	for len(work) > 0 {
		f := &work[len(work)-1]
		edges := t.edges(f.node)
		if f.next < len(edges) {
			to := edges[f.next]
			if f.node < n {
				to += n
			}
			f.next++
			if t.index[to] == 0 {
				t.open(to)
				work = append(work, frame{node: to})
			} else if t.onStack[to] {
				t.low[f.node] = min(t.low[f.node], t.index[to])
			}
			continue
		}
		node := f.node
		work = work[:len(work)-1]
		if len(work) > 0 {
			parent := work[len(work)-1].node
			t.low[parent] = min(t.low[parent], t.low[node])
		}
		if t.low[node] == t.index[node] {
			t.close(node)
		}
	}
	t.work = work
}

func (t *tarjan) open(node int32) {
	t.next++
	t.index[node], t.low[node] = t.next, t.next
	t.onStack[node] = true
	t.stack = append(t.stack, node)
}

// close takes one component off the stack. Two hooks or more are a cycle; a hook that names itself is none.
func (t *tarjan) close(root int32) {
	n := int32(len(t.g.v))
	lo := len(t.stack)
	count := 0
	for {
		lo--
		node := t.stack[lo]
		t.onStack[node] = false
		if node < n {
			count++
		}
		if node == root {
			break
		}
	}
	if count > 1 {
		hooks := make([]int32, 0, count)
		for _, node := range t.stack[lo:] {
			if node < n {
				hooks = append(hooks, node)
			}
		}
		slices.Sort(hooks)
		t.g.cycles = append(t.g.cycles, hooks)
	}
	t.stack = t.stack[:lo]
}
