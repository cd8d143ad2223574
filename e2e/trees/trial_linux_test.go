package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/e2e/internal/real"
)

const few = 3

// labOf is a lab with small trees. Nothing may be left for the end of the scope.
func labOf(t *testing.T) lab {
	scope := new(lastly.Scope)
	t.Cleanup(func() {
		if err := scope.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab{scope, few}
}

// only is the tool of that name. It skips the test if it can't be had.
func only(t *testing.T, name string) tool {
	t.Helper()
	list := slices.DeleteFunc(tools(), func(tool tool) bool { return tool.name != name })
	if len(list) != 1 {
		t.Fatalf("%d tools are called %q", len(list), name)
	}
	real.Need(t, "bash", "bash")
	if list[0].debian != "" {
		real.Need(t, list[0].program, list[0].debian)
	}
	if list[0].built {
		if err := built(); err != nil {
			t.Fatal(err)
		}
	}
	if _, why := list[0].find(); why != "" {
		t.Skip(why)
	}
	return list[0]
}

// TestSurvivors: lastly leaves nothing in any column, and what the others leave shows that the zeros mean something. With
// later versions of theirs they may do better: then the page has to be made anew.
func TestSurvivors(t *testing.T) {
	t.Parallel()
	const all, kind = 5*few + 1, few
	for _, c := range []struct {
		tool string
		want []int // by column; -1: not looked at
	}{
		{nameLastly, []int{0, 0, 0, 0}},
		{nameRun, []int{0, 0, 0, 0}},
		{nameGuarded, []int{0, 0, 0, 0}},
		{"tini -s", []int{all - 1, all, -1, -1}},
		{"dumb-init", []int{all - 1 - kind, -1, -1, -1}}, // one group is reached
		{"a Go subreaper loop, no second process", []int{0, all, -1, 0}},
		{nameNamespace, []int{-1, 0, -1, -1}},
	} {
		for i, e := range events() {
			if c.want[i] < 0 {
				continue
			}
			t.Run(c.tool+", "+e.name, func(t *testing.T) {
				t.Parallel()
				n, err := labOf(t).survivors(t.Context(), only(t, c.tool), e)
				if n != c.want[i] || err != nil {
					t.Errorf("%d survive, want %d: %v", n, c.want[i], err)
				}
			})
		}
	}
}

// TestWays ends a tree in each way that is timed.
func TestWays(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			only(t, w.tool)
			if took, err := labOf(t).time(t.Context(), w); took <= 0 || err != nil {
				t.Errorf("%v, %v", took, err)
			}
		})
	}
}

// TestDoubleFaults: what is promised holds. The rest is as the page says: some live on.
func TestDoubleFaults(t *testing.T) {
	t.Parallel()
	for _, m := range mishaps() {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			only(t, m.tool)
			f, err := labOf(t).fault(t.Context(), m)
			second := m.tool != nameLastly && !strings.HasPrefix(m.event.name, "KILL both") // the outer process knows the tree, too
			if (f.Kept == 0) != m.promised || (f.Cleared == 0) != second || err != nil {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// TestInterrupted: a trial that is given up ends what it has started.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	l := labOf(t)
	tool := only(t, "setsid -w")
	f, err := newForest(few, false)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.plant(t.Context(), f, tool)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := p.settled(ctx); !errors.Is(err, cause) {
		t.Errorf("settled: %v, want %v", err, cause)
	}
	if err := p.clear(); err != nil || p.count() != 0 {
		t.Errorf("%d live: %v", p.count(), err)
	}
	if _, err := l.plant(ctx, f, tool); !errors.Is(err, cause) {
		t.Errorf("plant: %v, want %v", err, cause)
	}
}

// TestStrangersLive: a number that was found a moment ago may be another process's by now.
func TestStrangersLive(t *testing.T) {
	t.Parallel()
	f, err := newForest(few, false)
	if err != nil {
		t.Fatal(err)
	}
	f.kill(os.Getpid()) // has not the token, or nothing of what follows would be seen
	f.kill(1 << 30)     // is nobody's
	if n := f.count(); n != 0 {
		t.Errorf("%d processes of a forest that was never planted", n)
	}
}

// TestColumns: the events are the columns of the table.
func TestColumns(t *testing.T) {
	for i, e := range events() {
		if e.name != columns[i] {
			t.Errorf("event %d is %q, the column %q", i, e.name, columns[i])
		}
	}
	names := make(map[string]bool)
	for _, tool := range tools() {
		if names[tool.name] || (tool.program == "") != (tool.role != "") || (tool.debian == "") != (tool.role != "" || tool.built) {
			t.Errorf("not a tool: %+v", tool)
		}
		names[tool.name] = true
	}
}
