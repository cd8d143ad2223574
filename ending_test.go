package lastly_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lastly-go/lastly"
)

// registersLate is a handler that registers a hook, as foreign code may, when it hears of a hook that was abandoned.
type registersLate struct {
	slog.Handler
	sc                     *lastly.Scope
	registered, ran, shown *atomic.Int64
}

func (h registersLate) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "hook") {
		h.registered.Add(1)
		h.sc.Defer("late", func(context.Context) error {
			h.ran.Add(1)
			for _, row := range h.sc.Report().Hooks {
				if row.Name == "late" && row.Outcome == lastly.OutcomeRunning {
					h.shown.Add(1)
				}
			}
			return nil
		})
	}
	return nil
}

// TestRegisterAtTheLastMoment: what is registered while the flow ends, because its time is over, runs all the same, and is
// in the report once.
func TestRegisterAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sc lastly.Scope
		var registered, ran, shown atomic.Int64
		sc.Logger = slog.New(registersLate{slog.Default().Handler(), &sc, &registered, &ran, &shown})
		_ = starve(&sc, func() { sc.Defer("behind", nop) })
		synctest.Wait()
		if registered.Load() == 0 || registered.Load() != ran.Load() || sc.Report().Late != int(ran.Load()) {
			t.Errorf("%d were registered, %d ran, %d of them when all was over", registered.Load(), ran.Load(), sc.Report().Late)
		}
		if shown.Load() != ran.Load() {
			t.Errorf("%d ran, and found themselves %d times in the report", ran.Load(), shown.Load())
		}
		for _, h := range sc.Report().Hooks {
			if h.Outcome == lastly.OutcomePending {
				t.Errorf("%s is pending for ever", h.Name)
			}
		}
	})
}
