package main

import (
	"context"
	"fmt"
	"io"
	"testing"
)

func TestMatching(t *testing.T) {
	lines := func() []*line { return []*line{{work: "append", unit: "× a pwrite"}, {work: "start", unit: "ms"}} }
	for text, want := range map[string]int{"": 2, "append": 1, "ms": 1, "nothing": 0} {
		if got := matching(lines(), text); len(got) != want {
			t.Errorf("%d lines match %q, want %d", len(got), text, want)
		}
	}
}

func TestMeasure(t *testing.T) {
	var order string
	noting := func(name string) func(context.Context, int) (float64, error) {
		return func(_ context.Context, round int) (float64, error) {
			order += fmt.Sprint(name, round, " ")
			return 1, nil
		}
	}
	lines := []*line{{figure: noting("heavy"), heavy: true}, {figure: noting("often")}, {figure: noting("once"), once: true}}
	if err := measure(t.Context(), io.Discard, lines, 2); err != nil {
		t.Fatal(err)
	}
	if want := "often0 once0 often1 heavy0 heavy1 "; order != want {
		t.Errorf("measured %q, want %q", order, want)
	}
	if len(lines[1].figures) != 2 {
		t.Errorf("%d figures, want 2", len(lines[1].figures))
	}
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lines := []*line{{figure: func(context.Context, int) (float64, error) {
		cancel()
		return 1, nil
	}}}
	if err := measure(ctx, io.Discard, lines, 3); err == nil || len(lines[0].figures) != 1 {
		t.Errorf("measured %v times, then %v; want once, and the context's error", len(lines[0].figures), err)
	}
}
