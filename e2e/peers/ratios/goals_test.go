package main

import (
	"context"
	"io"
	"testing"

	"github.com/lastly-go/lastly/e2e/peers/internal/cost"
)

func TestRatio(t *testing.T) {
	// Each side is disturbed at first, and does better from try to try.
	measured := func(figures ...float64) measurement {
		return func() float64 {
			next := figures[0]
			figures = figures[1:]
			return next
		}
	}
	if got, err := ratio(measured(60, 7, 6), measured(50, 4, 3))(0); err != nil || got != 2 {
		t.Errorf("got %v, %v, want 2", got, err)
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
