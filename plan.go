package lastly

import (
	"time"
)

// This file keeps the order of a flow: the list alone, or a graph.

// launchFirst starts what nothing has to wait for.
func (f *flow) launchFirst() {
	if f.g != nil {
		f.launchAll(f.g.ready(nil))
	} else if h := f.s.tail; h != nil {
		f.launch(h, f.now())
	}
}

// makeGraph makes an order of everything that is registered and has not ended.
func (f *flow) makeGraph() {
	s := f.s
	f.at = make([]*Handle, 0, s.count)
	entries := make([]entry, 0, s.count)
	for h := s.head; h != nil; h = h.next {
		if h.state == running && h.rec.f != f && h.rec.extra().mirror == nil {
			f.mirrorOf(h)
		}
		h.number = int32(len(f.at))
		f.at = append(f.at, h)
		entries = append(entries, entry{
			name: h.name, uses: h.uses, last: h.last, started: h.state == running, late: h.late,
		})
	}
	f.g = newGraph(entries)
	for _, i := range f.g.lasts {
		f.at[i].last = true // it stays so, also when the Last hook that names it is gone
	}
	for _, c := range f.g.cycles {
		loop := make([]*Handle, len(c))
		for k, i := range c {
			loop[k] = f.at[i]
		}
		f.loops = append(f.loops, loop)
	}
}

// mirrorOf makes the record of a hook that was run early and still runs: when that ends, this one does. Its own flow
// watches it, within what this flow has left.
func (f *flow) mirrorOf(h *Handle) {
	m := f.newRecord(h)
	m.state = recordRunning
	m.extra().early = h.rec
	h.rec.extra().mirror = m
	m.began = f.now()
	m.deadline, m.giveUp = forever, forever
	f.mirrors = append(f.mirrors, m)
	f.boundMirror(m, m.began)
}

func (f *flow) boundMirror(m *record, now time.Duration) {
	deadline, giveUp := m.deadline, m.giveUp
	f.setDeadline(m, now)
	m.deadline, m.giveUp = min(deadline, m.deadline), min(giveUp, m.giveUp)
	grace, end := f.limitsOf(m)
	m.early.f.hurry(&limits{grace: grace, end: end})
}

// join takes a hook that was registered late into the flow.
func (f *flow) join(h *Handle) {
	h.late = true
	if f.g == nil {
		if f.s.odd > 0 {
			f.makeGraph()
			f.launchFirst()
		}
		return // a plain one is the youngest now, so it comes next
	}
	i, ok := f.g.add(entry{name: h.name, uses: h.uses, last: h.last, late: true})
	if !ok {
		f.makeGraph()
		f.launchFirst()
		return
	}
	h.number = i
	f.at = append(f.at, h)
	if f.g.mayStart(i) {
		f.launch(h, f.now())
	}
}
