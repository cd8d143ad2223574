package cost

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Errgroup is a goroutine per hook, which waits for the context's end.
var Errgroup = Subject{
	Name: "errgroup",
	New:  newErrgroup,
}

type group struct {
	group *errgroup.Group
	ctx   context.Context
	stop  context.CancelFunc
}

func newErrgroup(int) Registry {
	ctx, stop := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	return &group{group: g, ctx: ctx, stop: stop}
}

func (g *group) Register(int) {
	g.group.Go(func() error {
		<-g.ctx.Done()
		hook()
		return nil
	})
}

func (g *group) Run() {
	g.stop()
	_ = g.group.Wait()
}
