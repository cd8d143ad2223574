package cost

import (
	"context"

	"github.com/thejerf/suture/v4"
)

// Suture is a supervised service per hook, added to a running supervisor.
var Suture = Subject{
	Name: "suture v4",
	New:  newSupervisor,
}

type supervisor struct {
	supervisor *suture.Supervisor
	stop       context.CancelFunc
	served     <-chan error
}

func newSupervisor(int) Registry {
	ctx, stop := context.WithCancel(context.Background())
	s := &supervisor{supervisor: suture.NewSimple("cost"), stop: stop}
	s.served = s.supervisor.ServeBackground(ctx)
	return s
}

func (s *supervisor) Register(int) { s.supervisor.Add(supervised{}) }

func (s *supervisor) Run() {
	s.stop()
	<-s.served
}

type supervised struct{}

func (supervised) Serve(ctx context.Context) error {
	<-ctx.Done()
	hook()
	return nil
}

func (supervised) String() string { return "hook" }
