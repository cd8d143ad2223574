package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
)

// TestOrder declares hooks in few words and looks at when they run: each takes a second, so what starts in one second
// runs side by side.
//
//	"name"            names nothing          "name:a,b"   uses a and b
//	"name:-"          Nothing                "name:-,a"   append(Nothing, "a")
//	"!name" Last      "@name" a child scope
func TestOrder(t *testing.T) {
	for _, test := range []struct {
		name  string
		hooks string
		want  string // seconds divided by ";"
	}{
		{"LIFO", "a b c", "c;b;a"}, // conformance 1, 38
		{"same name", "a a b", "b;a;a"},
		{"uses an earlier one", "db server:db", "server;db"},
		{"uses a later one", "server:db db", "server;db"},
		{"uses make others independent", "a b c:a d:b", "c d;b;a"},
		{"independent users", "db x:db y:db z:db", "x y z;db"},
		{"a later one counts as registered just before", "a server:db c db", "c;server;db;a"},
		{"it still uses what was before that", "a b server:db c db", "c;server;db;b;a"},
		{"two name the same later one", "x:db y:db db", "x y;db"},
		{"a chain of later ones", "a:b b:c c:d d e", "e;a;b;c;d"},
		{"a name means every bearer", "db db server:db", "server;db;db"},
		{"every bearer, also later ones", "db:- server:db db:-", "server;db db"},
		{"user of two names", "a:- b:- s:a,b", "s;a b"},
		{"diamond", "a b:a c:a d:b,c", "d;b c;a"},
		{"a hook never uses itself", "a x:x", "a x"},
		{"itself and another", "a x:x,a", "x;a"},
		{"bearers of a name that one of them uses", "db:- db:db", "db;db"},
		{"Nothing", "a n:-", "a n"},
		{"Nothing is used by what names nothing", "n:- b", "b;n"},
		{"Nothing, all", "a:- b:- c:-", "a b c"},
		{"Nothing, appended to", "a b n:-,b", "n;b;a"},
		{"Nothing, appended to with a name of nobody", "a n:-,nobody", "a n"},
		{"unknown name", "a s:nobody", "a s"},
		{"unknown name beside a known one", "a b s:nobody,b", "s;b;a"},
		{"no name", "a  b", "b;;a"},
		{"the empty name is nobody's", "a  s:", " s;a"},
		{"Last", "!log a b", "b;a;log"}, // conformance 7a
		{"Last waits for the independent", "!log a:- b:-", "a b;log"},
		{"Last ones among each other", "!log !trace a", "a;trace;log"},
		{"Last, independent", "!log:- !trace:- a", "a;log trace"},
		{"Last spreads to what it names", "!log:disk a disk b", "b;a;log;disk"},
		{"Last spreads on", "!log:disk disk:ctl ctl a", "a;log;disk;ctl"},
		{"Last spreads to every bearer", "!log:disk a disk:- disk:-", "a;log;disk disk"},
		{"ordinary ones may name a Last one", "!log a:log b", "b;a;log"},
		{"what an ordinary one names is not Last", "a:b b !log", "a;b;log"},
		{"cycle of two", "a:b b:a", "b;a"},
		{"cycle of three", "a:b b:c c:a", "c;b;a"},
		{"cycle among others", "x a:b y b:a z", "z;y;b x;a"},
		{"cycle with a user and what it uses", "db a:b b:a,db s:a", "b s;a db"},
		{"cycle of Last ones", "!a:!b b:a c", "c;b;a"},
		{"child", "a @mod b", "b;mod;a"}, // conformance 50
		{"child by name", "server:mod @mod x:-", "server x;mod"},
		{"child that uses", "a db @mod:db", "mod;db;a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc := lastly.Scope{Grace: time.Hour}
				var mu sync.Mutex
				ran := make(map[int][]string)
				began := time.Now()
				for _, spec := range strings.Split(test.hooks, " ") {
					h, child := parseHook(spec)
					run := func(context.Context) error {
						mu.Lock()
						second := int(time.Since(began) / s)
						ran[second] = append(ran[second], h.Name)
						mu.Unlock()
						time.Sleep(s)
						return nil
					}
					if child {
						sc.Child(h).Defer("x", run)
						continue
					}
					h.Run = run
					sc.Register(h)
				}
				cyclic := strings.Contains(test.name, "cycle")
				var ce *lastly.CycleError
				if err := sc.Check(); errors.As(err, &ce) != cyclic {
					t.Errorf("Check: %v", err)
				}
				if err := sc.Close(); err != nil {
					t.Error(err)
				}
				var got []string
				for second := range len(ran) {
					slices.Sort(ran[second])
					got = append(got, strings.Join(ran[second], " "))
				}
				if g := strings.Join(got, ";"); g != strings.ReplaceAll(test.want, "!", "") {
					t.Errorf("ran %q, want %q", g, test.want)
				}
			})
		})
	}
}

func parseHook(spec string) (h lastly.Hook, child bool) {
	name, uses, named := strings.Cut(spec, ":")
	name, h.Last = strings.CutPrefix(name, "!")
	h.Name, child = strings.CutPrefix(name, "@")
	if !named {
		return h, child
	}
	for _, use := range strings.Split(strings.ReplaceAll(uses, "!", ""), ",") {
		if use == "-" {
			h.Uses = append(h.Uses, lastly.Nothing...)
		} else {
			h.Uses = append(h.Uses, use)
		}
	}
	return h, child
}

// TestSideBySide: independent hooks wait for each other to have started, which only works side by side.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		var sc lastly.Scope
		var all sync.WaitGroup
		all.Add(n)
		sc.Defer("db", func(context.Context) error { return nil })
		for i := range n {
			h := lastly.Hook{Name: fmt.Sprint(i), Uses: lastly.Nothing, Run: func(context.Context) error {
				all.Done()
				all.Wait()
				return nil
			}}
			if i%2 == 0 {
				h.Uses = []string{"db"}
			}
			sc.Register(h)
		}
		began := time.Now()
		if err := sc.Close(); err != nil {
			t.Errorf("%.300v", err)
		}
		wantTook(t, began, 0, 0)
	})
}

// TestUsesAreCopied: what the caller does with its slice later changes nothing; nor does what is done with a report.
func TestUsesAreCopied(t *testing.T) {
	var sc lastly.Scope
	var r recorder
	uses := []string{"db"}
	sc.Register(lastly.Hook{Name: "server", Uses: uses, Run: r.hook("server")})
	uses[0] = "other"
	sc.Register(lastly.Hook{Name: "db", Uses: lastly.Nothing, Run: r.hook("db")})
	sc.Report().Hooks[0].Uses[0] = "other"
	if err := errors.Join(sc.Check(), sc.Close()); err != nil {
		t.Error(err)
	}
	r.want(t, "server", "db")
}

// TestNoWaves: a hook starts the moment the last one that uses it has ended, in whatever way.
func TestNoWaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		var sc lastly.Scope
		var r recorder
		for _, spec := range []string{"a:c", "b:d", "hangs:f", "c:e"} {
			h, _ := parseHook(spec)
			d := map[string]time.Duration{"a": s, "b": 5 * s, "c": s}[h.Name]
			h.Run = r.sleeper(h.Name, d)
			if h.Name == "hangs" {
				h.Run, h.Timeout = hangUntil(free), 3*s
			}
			sc.Register(h)
		}
		for _, name := range []string{"d", "e", "f"} {
			sc.Register(lastly.Hook{Name: name, Uses: lastly.Nothing, Run: r.hook(name)})
		}
		wantErrorNames(t, sc.Close(), "hangs")
		rep := sc.Report()
		for name, want := range map[string]time.Duration{"a": 0, "b": 0, "c": s, "e": 2 * s, "d": 5 * s} {
			if got := inReport(t, rep, name).Start; got != want {
				t.Errorf("%s started after %v, want %v", name, got, want)
			}
		}
		hung, f := inReport(t, rep, "hangs"), inReport(t, rep, "f")
		if f.Start != hung.Duration || hung.Outcome != lastly.OutcomeAbandoned {
			t.Errorf("f started after %v, hangs was %s after %v", f.Start, hung.Outcome, hung.Duration)
		}
	})
}

// TestCheck names loops and unknown names with their places, in children too; Close returns neither.
func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no line comes too late
		var log lockedBuffer
		sc := lastly.Scope{Name: "app", Logger: slog.New(slog.NewTextHandler(&log, nil))}
		c := sc.Child(lastly.Hook{Name: "child"})
		if err := sc.Check(); err != nil {
			t.Error(err)
		}
		nop := func(context.Context) error { return nil }
		site := siteHere(1)
		sc.Register(lastly.Hook{Name: "a", Uses: []string{"b"}, Run: nop})
		sc.Register(lastly.Hook{Name: "b", Uses: []string{"a"}, Run: nop})
		c.Register(lastly.Hook{Name: "x", Uses: []string{"a", "x"}, Run: nop})
		c.Register(lastly.Hook{Name: "y", Uses: []string{"z"}, Run: nop})
		c.Register(lastly.Hook{Name: "z", Uses: []string{"y"}, Run: nop})
		err := sc.Check()
		var cycles []*lastly.CycleError
		for _, one := range unjoin(err) {
			var ce *lastly.CycleError
			var ue *lastly.UnknownNameError
			switch {
			case errors.As(one, &ce):
				cycles = append(cycles, ce)
			case errors.As(one, &ue):
				if ue.Scope != "child" || ue.Hook.Name != "x" || ue.Name != "a" || !strings.Contains(ue.Hook.Site, "order_rules_test.go:") {
					t.Errorf("%+v", ue)
				}
			default:
				t.Errorf("%T %v", one, one)
			}
		}
		if len(cycles) != 2 || cycles[0].Scope != "app" || cycles[1].Scope != "child" {
			t.Fatalf("cycles %v", cycles)
		}
		if m := cycles[0].Members; len(m) != 2 || m[0] != (lastly.Member{Name: "a", Site: site}) || m[1].Name != "b" {
			t.Errorf("%v", cycles[0].Members)
		}
		plan := sc.Report()
		if err := sc.Close(); err != nil {
			t.Errorf("a loop is no error of Close: %v", err)
		}
		for _, rep := range []lastly.Report{plan, sc.Report()} {
			if len(rep.Cycles) != 1 || len(rep.Cycles[0].Members) != 2 || rep.Cycles[0].Members[0].Site != site {
				t.Errorf("report's cycles in state %s: %v", rep.State, rep.Cycles)
			}
		}
		if u := plan.Hooks[0].Scope.Unknown; len(u) != 1 || u[0].Name != "a" {
			t.Errorf("plan's unknown names: %v", u)
		}
		if !strings.Contains(log.String(), "loop") || !strings.Contains(log.String(), site) {
			t.Errorf("the log names no loop with its sites:\n%s", log.String())
		}
	})
}

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // this is what looks into them
		var all []error
		for _, one := range j.Unwrap() {
			all = append(all, unjoin(one)...)
		}
		return all
	}
	return []error{err}
}

// modelStarts is the rule: who uses whom, and each starts when its last user has ended.
