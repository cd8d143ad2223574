package durable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
	"github.com/lastly-go/lastly/internal/testproc"
)

var _ = addVictims(testproc.Victims{"ordered": orderedVictim})

// A planned is one hook of a generated program: a record, or a child scope.
type planned struct {
	Name    string // unique; hooks are named by Group
	Group   string
	Uses    []string
	Last    bool
	In      int // index of the child scope that it is in, -1: the outermost
	Child   bool
	Builtin bool // Exec, not a Go kind
	Cancel  bool // cancelled again, once all are registered
}

// ordered runs after its uses in the log: "begin NAME" and "end NAME".
var orderedKind = durable.Define("ordered", func(_ context.Context, n note) error {
	appendLine(n.Log, "begin "+n.Line)
	testproc.Linger(tick)
	appendLine(n.Log, "end "+n.Line)
	return nil
})

const orderedScript = `echo "begin $1" >>"$2"; echo "end $1" >>"$2"`

// orderedVictim registers what it is told, and prints what must come before what.
func orderedVictim(args []string) {
	var plan []planned
	must(json.Unmarshal([]byte(args[1]), &plan))
	must(durable.Setup(durable.Settings{GuardLimit: testproc.Limit})) // a busy machine takes its time to run a dozen commands
	scopes := make([]*lastly.Scope, len(plan))
	var cancels []func() bool
	for i, p := range plan {
		s := lastly.Process()
		if p.In >= 0 {
			s = scopes[p.In]
		}
		h := lastly.Hook{Name: p.Group, Uses: p.Uses, Last: p.Last}
		var cancel func() bool
		switch {
		case p.Child:
			scopes[i] = s.Child(h)
		case p.Builtin:
			r, err := durable.Exec.Register(s, durable.Command{Args: []string{"sh", "-c", orderedScript, "sh", p.Name, args[0]}}, h)
			must(err)
			cancel = r.Cancel
		default:
			r, err := orderedKind.Register(s, note{Log: args[0], Line: p.Name}, h)
			must(err)
			cancel = r.Cancel
		}
		if p.Cancel {
			cancels = append(cancels, cancel)
		}
	}
	for _, cancel := range cancels {
		cancel()
	}
	say("%s", inText(lastly.Process().Report()))
	lastly.Main(untilAsked)
}

func inText(r lastly.Report) string {
	text, err := json.Marshal(r)
	must(err)
	return string(text)
}

// randomPlan makes up a program of n hooks.
func randomPlan(r *rand.Rand, n int) []planned {
	groups := []string{"a", "b", "c", "d", ""}
	plan := make([]planned, n)
	children := []int{-1}
	for i := range plan {
		p := planned{Name: strconv.Itoa(i), Group: groups[r.IntN(len(groups))], In: children[r.IntN(len(children))]}
		switch r.IntN(5) {
		case 0:
			p.Uses = lastly.Nothing
		case 1, 2:
			for range 1 + r.IntN(2) {
				p.Uses = append(p.Uses, groups[r.IntN(len(groups)-1)])
			}
		}
		p.Last = r.IntN(6) == 0
		switch r.IntN(8) {
		case 0:
			p.Child = true
			children = append(children, i)
		case 1, 2:
			p.Builtin = true
		case 3:
			p.Cancel = true
		}
		plan[i] = p
	}
	for i := len(plan) - 1; i >= 0; i-- { // an empty child is nothing that is left, see TestOrderThroughPlainHook
		if plan[i].Child && len(recordsIn(plan, i)) == 0 {
			plan = append(plan, planned{Name: strconv.Itoa(len(plan)), In: i})
		}
	}
	return plan
}

// A reported is what of the report's JSON says the order.
type reported struct {
	Hooks []struct {
		ID       int
		Kind     string
		Outcome  string
		WaitsFor []int `json:"waits_for"`
		Scope    *reported
	}
}

// constraints returns pairs: the first must have ended before the second begins. names are those of the records in plan, in
// the order of registration, by scope.
func (r reported) constraints(plan []planned, scope int) (pairs [][2]string) {
	var members []int
	for i, p := range plan {
		if p.In == scope && !p.Cancel {
			members = append(members, i)
		}
	}
	if len(members) != len(r.Hooks) {
		panic(fmt.Sprintf("%d hooks are reported, %d were planned", len(r.Hooks), len(members)))
	}
	in := make(map[int][]string) // the records in each hook
	for k, h := range r.Hooks {
		in[h.ID] = recordsIn(plan, members[k])
		if h.Scope != nil {
			pairs = append(pairs, h.Scope.constraints(plan, members[k])...)
		}
	}
	for _, h := range r.Hooks {
		for _, first := range h.WaitsFor {
			for _, a := range in[first] {
				for _, b := range in[h.ID] {
					pairs = append(pairs, [2]string{a, b})
				}
			}
		}
	}
	return pairs
}

func recordsIn(plan []planned, at int) []string {
	if !plan[at].Child {
		return []string{plan[at].Name}
	}
	var names []string
	for i, p := range plan {
		if p.In == at && !p.Cancel {
			names = append(names, recordsIn(plan, i)...)
		}
	}
	return names
}

// checkOrder holds a log against what must come before what.
func checkOrder(t *testing.T, who string, log []string, pairs [][2]string) {
	t.Helper()
	for _, p := range pairs {
		end, begin := slices.Index(log, "end "+p[0]), slices.Index(log, "begin "+p[1])
		if end < 0 || begin < 0 || end > begin {
			t.Errorf("%s: %s must have ended before %s begins, but the log is\n%s", who, p[0], p[1], strings.Join(log, "\n"))
			return
		}
	}
}

// TestOrderOfSettlement compares the order in which guards settle with the plan of the process that registered, for
// random programs, and with what the process itself does.
func TestOrderOfSettlement(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	seed := uint64(os.Getpid())
	for round := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		plan := randomPlan(r, 4+r.IntN(12))
		script := string(inJSON(t, plan))
		for _, how := range []string{"guard", "process"} {
			if round%5 > 0 && how == "process" {
				continue // the root package has its own tests
			}
			s := newState(t)
			p := s.start("ordered", s.log, script)
			p.WaitLine("ready")
			var report reported
			line, _, _ := strings.Cut(p.Output(), "\n")
			fatal(t, json.Unmarshal([]byte(line), &report))
			if how == "guard" {
				killed(t, p)
			} else {
				p.Signal(os.Interrupt)
				p.Wait().Check(t, "signal interrupt")
			}
			s.waitEmpty()
			log := readLines(s.log)
			if want := 2 * len(recordsIn(append([]planned{{In: -2, Child: true}}, shifted(plan)...), 0)); len(log) != want {
				t.Errorf("%s: the log has %d lines, want %d", how, len(log), want)
			}
			checkOrder(t, how, log, report.constraints(plan, -1))
			if t.Failed() {
				t.Fatalf("seed %d, round %d: %s\n%s", seed, round, script, line)
			}
		}
	}
}

// shifted moves all indices by one, for a scope put before them.
func shifted(plan []planned) []planned {
	moved := slices.Clone(plan)
	for i := range moved {
		moved[i].In++
	}
	return moved
}
