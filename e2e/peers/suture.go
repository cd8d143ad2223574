package main

import (
	"context"
	"fmt"
	"time"

	"github.com/thejerf/suture/v4"
)

var suturePeer = peer{
	name:   "suture v4",
	module: "github.com/thejerf/suture/v4",
	open:   newSuture,
}

// sutureSupervisor runs a hook at the end of a supervised service. Removing a
// service stops it, and so runs the hook: there is no unregistering.
type sutureSupervisor struct {
	supervisor *suture.Supervisor
	stop       context.CancelFunc
}

func newSuture(patience time.Duration) library {
	ctx, stop := context.WithCancel(context.Background())
	s := &sutureSupervisor{
		supervisor: suture.New("peers", suture.Spec{Timeout: patience}),
		stop:       stop,
	}
	s.supervisor.ServeBackground(ctx)
	return s
}

func (s *sutureSupervisor) register(name string, h hook) {
	s.supervisor.Add(&sutureService{name: name, hook: h})
}

// shutdown asks for the report, because what Serve returns is the context's
// error, whatever happened. The report waits for the end.
func (s *sutureSupervisor) shutdown() error {
	s.stop()
	report, err := s.supervisor.UnstoppedServiceReport()
	if err != nil {
		return err
	}
	if len(report) > 0 {
		return fmt.Errorf("%d services did not stop, first %s", len(report), report[0].Name)
	}
	return nil
}

func (s *sutureSupervisor) shutdownAgain() error { return s.shutdown() }

type sutureService struct {
	name string
	hook hook
}

func (s *sutureService) Serve(ctx context.Context) error {
	<-ctx.Done()
	return s.hook(context.WithoutCancel(ctx))
}

func (s *sutureService) String() string { return s.name }
