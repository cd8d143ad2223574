package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// A verdict is a cell of the table.
type verdict struct {
	Text string `json:"text"`
	Mark mark   `json:"mark"`
}

// A mark says whether a reader should mind.
type mark string

const (
	good   mark = "good"
	bad    mark = "bad"
	absent mark = "absent" // the library does not have it; no blame
)

func fine(text string) verdict    { return verdict{text, good} }
func blemish(text string) verdict { return verdict{text, bad} }

// others are the hooks that run beside the third one.
var others = slices.DeleteFunc(slices.Clone(five), func(name string) bool { return name == third })

// decide is the verdict of a whole cell.
func (p provocation) decide(runs []observation) verdict {
	if runs[0].absent() {
		return verdict{"-", absent}
	}
	if p.judgeAll != nil {
		return p.judgeAll(runs)
	}
	v := p.judge(runs[0])
	for _, o := range runs[1:] {
		if w := p.judge(o); w.Mark == bad && v.Mark != bad {
			v = w
		}
	}
	return v
}

func judgeOrder(runs []observation) verdict {
	backwards := slices.Clone(five)
	slices.Reverse(backwards)
	lifo, fifo := true, true
	for _, o := range runs {
		if damage := o.damage(five...); damage != "" {
			return blemish(damage)
		}
		lifo = lifo && slices.Equal(o.names("ran"), backwards)
		fifo = fifo && slices.Equal(o.names("ran"), five)
	}
	switch {
	case lifo:
		return fine("LIFO")
	case fifo:
		return blemish("FIFO")
	}
	return blemish("none")
}

// judgeParallel does not blame those that run one after the other: it is the
// safe thing to do for a library that does not know the order.
func judgeParallel(o observation) verdict {
	if damage := o.damage(five...); damage != "" {
		return blemish(damage)
	}
	running, most := 0, 0
	for _, e := range o.events {
		switch e.what {
		case "ran":
			running++
		case "done":
			running--
		}
		most = max(most, running)
	}
	if most > 1 {
		return fine("yes")
	}
	return verdict{"no", absent}
}

func judgeDeadline(o observation) verdict {
	switch damage := o.damage(five...); {
	case damage != "":
		return blemish(damage)
	case !o.saw("cancelled", third):
		return blemish("hook not told")
	}
	return fine("yes")
}

func judgeHang(o observation) verdict {
	switch damage := o.damage(others...); {
	case damage != "":
		return blemish(damage)
	case !o.failed():
		return blemish("abandoned, reported as success")
	}
	return fine("abandoned, reported")
}

func judgePanic(o observation) verdict {
	switch damage := o.damage(others...); {
	case damage != "":
		return blemish(damage)
	case o.failed():
		return fine("isolated, reported")
	case strings.Contains(o.stderr, panicText):
		return fine("isolated, printed, exit 0")
	}
	return blemish("isolated, silent")
}

func judgeGoexit(o observation) verdict {
	switch damage := o.damage(others...); {
	case damage != "":
		return blemish(damage)
	case o.failed():
		return fine("isolated, reported")
	}
	return fine("isolated")
}

func judgeRegister(o observation) verdict {
	switch damage := o.damage(five...); {
	case damage != "":
		return blemish(damage)
	case !o.saw("ran", late) && o.stuckInCall():
		return blemish("blocks, dropped")
	case !o.saw("ran", late):
		return blemish("dropped")
	}
	return fine("runs")
}

func judgeExit(o observation) verdict {
	switch damage := o.damage(five...); {
	case damage != "":
		return blemish(damage)
	case o.saw("called", "error"):
		return blemish("refused")
	case o.code != wantedCode:
		return blemish(fmt.Sprintf("exits %d, not %d", o.code, wantedCode))
	}
	return fine("all run, code kept")
}

func judgeAgain(o observation) verdict {
	if damage := o.damage(five...); damage != "" {
		return blemish(damage)
	}
	return fine("ok")
}

// judgeTwice wants each hook once, the order kept if the library knew it, and
// both callers to have waited.
func judgeTwice(o observation) verdict {
	if damage := o.damage(chain...); damage != "" {
		return blemish(damage)
	}
	if o.saw("ordered", "-") && !inOrder(o) {
		return blemish("order lost")
	}
	last := 0
	for _, name := range chain {
		done := o.index("done", name)
		if done < 0 {
			return blemish("exits during a hook")
		}
		last = max(last, done)
	}
	for i, e := range o.events {
		if e.what == "closed" && i < last {
			return blemish("one does not wait")
		}
	}
	return fine("ok")
}

func judgeMany(o observation) verdict {
	ran := map[string]bool{}
	for _, name := range o.names("ran") {
		ran[name] = true
	}
	switch in := registrars * each; {
	case o.killed:
		return blemish("hangs")
	case o.crashed():
		return blemish("crashes")
	case len(ran) < in:
		return blemish(fmt.Sprintf("%d in, %d ran", in, len(ran)))
	case len(o.names("ran")) > in:
		return blemish("runs hooks twice")
	}
	return fine("ok")
}

// judgeSignals wants the second signal to end what hangs: by the signal, or
// with the exit code that shells give to it.
func judgeSignals(o observation) verdict {
	switch {
	case o.saw("unsent", "-") || !o.saw("ran", "stuck"):
		return blemish("no shutdown at the first")
	case o.signal == syscall.SIGTERM || o.code == 128+int(syscall.SIGTERM):
		return fine("yes")
	case o.killed && o.saw("again", "-"):
		return blemish("no")
	}
	return blemish("ends by itself: " + o.status)
}

func judgeRemoved(o observation) verdict {
	switch damage := o.damage(others...); {
	case damage != "":
		return blemish(damage)
	case o.saw("ran", third):
		return blemish("runs all the same")
	}
	return fine("yes")
}

func judgeGraph(o observation) verdict {
	switch damage := o.damage(chain...); {
	case damage != "":
		return blemish(damage)
	case !inOrder(o):
		return blemish("order lost")
	}
	return fine("kept")
}

// inOrder reports whether each hook of the chain had ended before the one that
// it uses began.
func inOrder(o observation) bool {
	for i := range len(chain) - 1 {
		if o.index("done", chain[i]) > o.index("ran", chain[i+1]) {
			return false
		}
	}
	return true
}
