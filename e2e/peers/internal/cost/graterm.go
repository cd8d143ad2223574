package cost

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/skovtunenko/graterm"
)

// Graterm is graterm with an order of its own for each hook: last in, first
// out, as it is for the others that have an order.
var Graterm = Subject{
	Name: "graterm",
	New:  newTerminator,
}

type terminator struct {
	terminator *graterm.Terminator
	ctx        context.Context
	cancel     context.CancelFunc
}

func newTerminator(int) Registry {
	ctx, cancel := context.WithCancel(context.Background())
	t, ctx := graterm.NewWithSignals(ctx, syscall.SIGTERM)
	return &terminator{terminator: t, ctx: ctx, cancel: cancel}
}

func (t *terminator) Register(i int) {
	t.terminator.WithOrder(graterm.Order(-i)).Register(time.Minute, func(context.Context) { hook() })
}

func (t *terminator) Run() {
	t.cancel()
	if err := t.terminator.Wait(t.ctx, time.Minute); err != nil {
		panic(fmt.Sprintf("cost: graterm: %v", err))
	}
}
