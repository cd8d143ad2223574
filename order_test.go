package lastly

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is the rule of order written down naively: a matrix of who uses whom, closed over transitively.
type model struct {
	entries []entry
	last    []bool
	uses    [][]bool // direct
	after   [][]bool // transitive: uses[a][b] means that b waits for a
	cyclic  []bool
}

func newModel(entries []entry) *model {
	n := len(entries)
	m := &model{entries: entries, last: make([]bool, n), cyclic: make([]bool, n)}
	names := func(a, b int) bool {
		return a != b && slices.Contains(entries[a].uses, entries[b].name) && entries[b].name != nothingName
	}
	for i := range entries {
		m.last[i] = entries[i].last
	}
	for changed := true; changed; {
		changed = false
		for a := range n {
			for b := range n {
				if m.last[a] && !m.last[b] && names(a, b) {
					m.last[b], changed = true, true
				}
			}
		}
	}
	reach := matrix(n)
	for a := range n {
		for b := range n {
			reach[a][b] = names(a, b)
		}
	}
	closeOver(reach)
	same := func(a, b int) bool { return a == b || reach[a][b] && reach[b][a] }

	var order []int
	var place func(i int)
	place = func(i int) {
		if slices.Contains(order, i) {
			return
		}
		for b := range n { // in the order of registration
			for a := range n {
				if same(i, a) && names(a, b) && !same(i, b) {
					place(b)
				}
			}
		}
		for b := range n {
			if same(i, b) {
				order = append(order, b)
			}
		}
	}
	for i := range n {
		place(i)
	}
	m.uses = matrix(n)
	for a := range n {
		prev := -1
		for b := range n {
			if a != b && same(a, b) {
				m.cyclic[a] = true
				if b < a {
					prev = b
				}
			}
		}
		if prev >= 0 {
			m.uses[a][prev] = true
		}
		for b := range n {
			switch {
			case a == b:
			case !m.last[a] && m.last[b]:
				m.uses[a][b] = true
			case usesOf(entries[a].uses) == useAll:
				m.uses[a][b] = m.uses[a][b] || m.last[a] == m.last[b] && slices.Index(order, b) < slices.Index(order, a)
			case names(a, b) && !same(a, b):
				m.uses[a][b] = true
			}
		}
	}
	m.after = matrix(n)
	for a := range n {
		copy(m.after[a], m.uses[a])
	}
	closeOver(m.after)
	return m
}

func matrix(n int) [][]bool {
	m := make([][]bool, n)
	for i := range m {
		m[i] = make([]bool, n)
	}
	return m
}

func closeOver(m [][]bool) {
	for k := range m {
		for a := range m {
			if m[a][k] {
				for b := range m {
					m[a][b] = m[a][b] || m[k][b]
				}
			}
		}
	}
}

// ready lists the hooks that may start: everything that uses them, directly or not, has ended.
func (m *model) ready(state []vertexState) []int32 {
	var r []int32
	for b := range m.entries {
		if state[b] != pending {
			continue
		}
		free := true
		for a := range m.entries {
			if m.after[a][b] && state[a] != ended {
				free = false
			}
		}
		if free {
			r = append(r, int32(b))
		}
	}
	return r
}

func randomEntries(r *rand.Rand, n int) []entry {
	names := []string{"a", "b", "c", "d", "e", "f", "ghost"}
	entries := make([]entry, n)
	for i := range entries {
		e := entry{name: names[r.IntN(len(names)-1)], last: r.IntN(8) == 0}
		if r.IntN(3) == 0 {
			e.name = fmt.Sprint("own", i)
		}
		switch r.IntN(5) {
		case 0, 1:
		case 2:
			e.uses = slices.Clone(Nothing)
		default:
			for range 1 + r.IntN(3) {
				if r.IntN(3) > 0 {
					e.uses = append(e.uses, fmt.Sprint("own", r.IntN(n)))
				} else {
					e.uses = append(e.uses, names[r.IntN(len(names))])
				}
			}
		}
		entries[i] = e
	}
	return entries
}

// walkAgainstModel runs the graph with a random schedule, some hooks out of their turn, and compares what may start with
// the model after each step.
func walkAgainstModel(t *testing.T, r *rand.Rand, entries []entry) {
	t.Helper()
	m := newModel(entries)
	for a := range entries {
		if m.after[a][a] {
			t.Fatalf("the model itself has a loop at %d: %+v", a, entries)
		}
	}
	g := newGraph(entries)
	for i := range entries {
		if g.v[i].last != m.last[i] {
			t.Fatalf("hook %d: Last is %v, want %v", i, g.v[i].last, m.last[i])
		}
		if got := slices.ContainsFunc(g.cycles, func(c []int32) bool { return slices.Contains(c, int32(i)) }); got != m.cyclic[i] {
			t.Fatalf("hook %d: in a cycle is %v, want %v", i, got, m.cyclic[i])
		}
	}
	state := make([]vertexState, len(entries))
	may := g.ready(nil)
	var running []int32
	for {
		got, want := slices.Clone(may), m.ready(state)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("may start %v, want %v\nstate %v\nhooks %+v", got, want, state, entries)
		}
		if len(may) == 0 && len(running) == 0 {
			break
		}
		switch pick := r.IntN(10); {
		case pick < 5 && len(may) > 0:
			k := r.IntN(len(may))
			i := may[k]
			may = slices.Delete(may, k, k+1)
			g.start(i)
			state[i] = started
			running = append(running, i)
		case pick == 9: // a handle's Run or Cancel: any hook that is pending, whatever it waits for
			i := int32(r.IntN(len(entries)))
			if state[i] != pending {
				continue
			}
			may = slices.DeleteFunc(may, func(j int32) bool { return j == i })
			g.start(i)
			state[i] = started
			running = append(running, i)
		case len(running) > 0:
			k := r.IntN(len(running))
			i := running[k]
			running = slices.Delete(running, k, k+1)
			state[i] = ended
			may = g.end(i, may)
		}
	}
	for i, s := range state {
		if s != ended {
			t.Fatalf("hook %d never ran: %+v", i, entries)
		}
	}
}

func TestOrderAgainstModel(t *testing.T) {
	for seed := range uint64(4_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		walkAgainstModel(t, r, randomEntries(r, 1+r.IntN(9)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestOrderLate adds hooks while others run, and checks each promise of a late hook as it stands in the rules.
func TestOrderLate(t *testing.T) {
	for seed := range uint64(4_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		walkLate(t, r, randomEntries(r, 1+r.IntN(7)), randomEntries(r, 1+r.IntN(5)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// walkLate keeps the graph as a flow does: it rebuilds it when add says so.
func walkLate(t *testing.T, r *rand.Rand, entries, late []entry) {
	t.Helper()
	all := slices.Clone(entries)
	live := all // all, as the model sees them
	state := make([]vertexState, len(all))
	g := newGraph(all)
	ids := make([]int, len(all)) // graph number -> number in all
	for i := range ids {
		ids[i] = i
	}
	may := g.ready(nil)
	var running []int32
	waitsFor := map[[2]int]bool{} // {a, b}: b was pending or a late one and must not start before a has ended
	for len(may) > 0 || len(running) > 0 || len(late) > 0 {
		switch pick := r.IntN(4); {
		case pick == 0 && len(late) > 0:
			e := late[0]
			late = late[1:]
			e.late = true
			x := len(all)
			all = append(all, e)
			state = append(state, pending)
			i, ok := g.add(e)
			if ok {
				ids = append(ids, x)
				may = slices.DeleteFunc(may, func(j int32) bool { return !g.mayStart(j) })
				if g.mayStart(i) {
					may = append(may, i)
				}
			} else {
				var left []entry
				var leftIDs []int
				running = running[:0]
				was := make(map[int]bool)
				for old, k := range ids {
					was[k] = g.v[old].last
				}
				for k, s := range state {
					if s == ended {
						continue
					}
					c := all[k]
					c.last = c.last || was[k] // stays Last, also when the Last one that names it is gone
					c.started = s == started
					if c.started {
						running = append(running, int32(len(left)))
					}
					left, leftIDs = append(left, c), append(leftIDs, k)
				}
				g, ids = newGraph(left), leftIDs
				for pair := range waitsFor {
					// The order is made anew, without those that are gone. Names stand.
					if !slices.Contains(all[pair[0]].uses, all[pair[1]].name) {
						delete(waitsFor, pair)
					}
				}
				may = g.ready(nil)
			}
			before := newModel(live)
			live = slices.Clone(all)
			for k := range live {
				if state[k] == ended {
					live[k].uses = Nothing // it is gone: what it named is not named by it any more
				}
				live[k].last = live[k].last || k < x && before.last[k]
			}
			m := newModel(live)
			for pair := range waitsFor { // what a Last one names has become Last: another order holds now
				for _, k := range pair {
					if k < x && before.last[k] != m.last[k] {
						delete(waitsFor, pair)
					}
				}
				if m.cyclic[pair[0]] && m.cyclic[pair[1]] {
					delete(waitsFor, pair)
				}
			}
			for k := range x {
				switch {
				case state[k] == started && m.uses[x][k] && m.last[x] == m.last[k] && !m.cyclic[x]:
					waitsFor[[2]int{k, x}] = true // no overlap with what it uses
				case state[k] == pending && m.uses[x][k] && !m.cyclic[x]:
					waitsFor[[2]int{x, k}] = true
				}
				if state[k] != ended && k != x && slices.Contains(all[k].uses, e.name) && !m.cyclic[x] {
					waitsFor[[2]int{k, x}] = true
				}
			}
		case pick <= 2 && len(may) > 0:
			k := r.IntN(len(may))
			i := may[k]
			may = slices.Delete(may, k, k+1)
			for a := range all {
				if waitsFor[[2]int{a, ids[i]}] && state[a] != ended {
					t.Fatalf("hook %d starts before %d has ended\nstate %v\nhooks %+v", ids[i], a, state, all)
				}
			}
			g.start(i)
			state[ids[i]] = started
			running = append(running, i)
		case len(running) > 0:
			k := r.IntN(len(running))
			i := running[k]
			running = slices.Delete(running, k, k+1)
			state[ids[i]] = ended
			may = g.end(i, may)
		}
	}
	for i, s := range state {
		if s != ended {
			t.Fatalf("hook %d never ran\nstate %v\nhooks %+v", i, state, all)
		}
	}
}

func TestOrderLongChain(t *testing.T) {
	const n = 50_000
	entries := make([]entry, n)
	for i := range entries {
		entries[i].name = fmt.Sprint(i)
		if i+1 < n {
			entries[i].uses = []string{fmt.Sprint(i + 1)} // each uses the next one: placed by the deepest recursion there is
		}
	}
	g := newGraph(entries)
	if h := g.height(0); h != n {
		t.Errorf("height of the first = %d, want %d", h, n)
	}
	may := g.ready(nil)
	for i := range int32(n) {
		if len(may) != 1 || may[0] != i {
			t.Fatalf("step %d: may start %v", i, may)
		}
		g.start(i)
		may = g.end(i, may[:0])
	}
}

func FuzzOrder(f *testing.F) {
	f.Add(uint64(1), uint64(4))
	f.Add(uint64(77), uint64(12))
	f.Fuzz(func(t *testing.T, seed, size uint64) {
		r := rand.New(rand.NewPCG(seed, size))
		walkAgainstModel(t, r, randomEntries(r, int(1+size%12)))
		walkLate(t, r, randomEntries(r, int(1+size%8)), randomEntries(r, 1+r.IntN(5)))
	})
}
