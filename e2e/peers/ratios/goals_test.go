package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/e2e/peers/internal/cost"
)

func TestRatioTakesTurns(t *testing.T) {
	var order string
	// Each side is disturbed at first, and does better from try to try.
	measured := func(name string, figures ...float64) measurement {
		return func() float64 {
			order += name
			next := figures[0]
			figures = figures[1:]
			return next
		}
	}
	for round, want := range []string{"abbaab", "baabba"} {
		order = ""
		got, err := ratio(measured("a", 60, 7, 6), measured("b", 50, 4, 3))(round)
		if err != nil || got != 2 {
			t.Errorf("round %d: got %v, %v, want 2", round, got, err)
		}
		if order != want {
			t.Errorf("round %d: measured %q, want %q", round, order, want)
		}
	}
}

func TestPrintGoals(t *testing.T) {
	const want = `| work | goal: at most | reached | lowest to highest | |
|---|---|---|---|---|
| cancel | 0.15 × stop | 0.1 | 0.0501 to 12 | yes |
| register | 160 B | 1234 | 1234 to 1234 | **no** |
`
	var b strings.Builder
	printGoals(&b, []*goal{
		{work: "cancel", unit: "× stop", most: 0.15, figures: []float64{12, 0.05009, 0.1}},
		{work: "register", unit: "B", most: 160, figures: []float64{1234}},
	})
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	list := []*goal{{figure: func(int) (float64, error) {
		cancel()
		return 1, nil
	}}}
	if err := measure(ctx, io.Discard, list, 3); err == nil || len(list[0].figures) != 1 {
		t.Errorf("measured %v times, then %v; want once, and the context's error", len(list[0].figures), err)
	}
}

// TestGoals wants every goal to be one, and none to be forgotten in the print.
func TestGoals(t *testing.T) {
	for _, g := range goals(t.Context(), cost.Programs{}) {
		if g.work == "" || g.unit == "" || g.most <= 0 || g.figure == nil {
			t.Errorf("incomplete: %+v", g)
		}
	}
}
