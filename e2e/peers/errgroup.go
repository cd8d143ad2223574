package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

var errgroupPeer = peer{
	name:   "errgroup",
	module: "golang.org/x/sync",
	open:   newErrgroup,
}

// errgroupGroup runs a hook in a goroutine that waits for the context's end.
type errgroupGroup struct {
	group *errgroup.Group
	ctx   context.Context
	stop  context.CancelFunc
}

func newErrgroup(time.Duration) library {
	ctx, stop := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	return &errgroupGroup{group: group, ctx: ctx, stop: stop}
}

func (g *errgroupGroup) register(_ string, h hook) {
	g.group.Go(func() error {
		<-g.ctx.Done()
		return h(context.WithoutCancel(g.ctx))
	})
}

func (g *errgroupGroup) shutdown() error {
	g.stop()
	return g.group.Wait()
}

func (g *errgroupGroup) shutdownAgain() error { return g.shutdown() }
