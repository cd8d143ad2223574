package main

import (
	"context"
	"syscall"
	"time"

	"github.com/skovtunenko/graterm"
)

var gratermPeer = peer{
	name:   "graterm",
	module: "github.com/skovtunenko/graterm",
	open:   newGraterm,
}

// gratermTerminator numbers its hooks downwards: graterm orders by integers
// that its user chooses, and these give last in, first out.
type gratermTerminator struct {
	terminator *graterm.Terminator
	ctx        context.Context
	cancel     context.CancelFunc
	patience   time.Duration
	order      graterm.Order
}

func newGraterm(patience time.Duration) library {
	ctx, cancel := context.WithCancel(context.Background())
	terminator, ctx := graterm.NewWithSignals(ctx, syscall.SIGINT, syscall.SIGTERM)
	return &gratermTerminator{terminator: terminator, ctx: ctx, cancel: cancel, patience: patience}
}

func (g *gratermTerminator) register(name string, h hook) {
	g.order--
	g.registerAt(g.order, name, g.patience, h)
}

// registerIndependent gives all such hooks one order: graterm runs equals
// side by side.
func (g *gratermTerminator) registerIndependent(name string, h hook) {
	g.registerAt(0, name, g.patience, h)
}

func (g *gratermTerminator) registerTimed(name string, timeout time.Duration, h hook) {
	g.order--
	g.registerAt(g.order, name, timeout, h)
}

func (g *gratermTerminator) registerAt(order graterm.Order, name string, timeout time.Duration, h hook) {
	g.terminator.WithOrder(order).WithName(name).Register(timeout, func(ctx context.Context) { _ = h(ctx) })
}

func (g *gratermTerminator) shutdown() error {
	g.cancel()
	return g.serve()
}

func (g *gratermTerminator) shutdownAgain() error { return g.shutdown() }

// serve gives the whole twice what it gives a hook, so that a slow hook alone
// does not end it.
func (g *gratermTerminator) serve() error {
	return g.terminator.Wait(g.ctx, 2*g.patience)
}
