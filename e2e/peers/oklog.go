package main

import (
	"context"
	"syscall"
	"time"

	"github.com/oklog/run"
)

var oklogPeer = peer{
	name:   "oklog/run",
	module: "github.com/oklog/run",
	open:   newOklog,
}

// oklogGroup runs a hook as an actor's interrupt function, the way its README
// shuts servers down.
type oklogGroup struct {
	group run.Group
	stop  context.CancelFunc
}

func newOklog(time.Duration) library {
	g := new(oklogGroup)
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.group.Add(run.ContextHandler(ctx))
	return g
}

func (g *oklogGroup) register(_ string, h hook) {
	ctx, cancel := context.WithCancel(context.Background())
	g.group.Add(func() error {
		<-ctx.Done()
		return nil
	}, func(error) {
		defer cancel()
		_ = h(ctx)
	})
}

// registerIndependent cleans up in the actor's execute function, after the
// interrupt: those functions run side by side.
func (g *oklogGroup) registerIndependent(_ string, h hook) {
	ctx, cancel := context.WithCancel(context.Background())
	g.group.Add(func() error {
		<-ctx.Done()
		return h(context.Background())
	}, func(error) {
		cancel()
	})
}

// shutdown drops what Run returns: the reason why the first actor ended, which
// is here always the stop itself. It never tells how the others ended.
func (g *oklogGroup) shutdown() error {
	g.stop()
	_ = g.group.Run()
	return nil
}

func (g *oklogGroup) serve() error {
	g.group.Add(run.SignalHandler(context.Background(), syscall.SIGINT, syscall.SIGTERM))
	return g.group.Run()
}
