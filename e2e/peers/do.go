package main

import (
	"context"
	"time"

	"github.com/samber/do/v2"
)

var doPeer = peer{
	name:   "samber/do v2",
	module: "github.com/samber/do/v2",
	open:   newDo,
}

// doInjector runs a hook as the Shutdown method of a provided service.
type doInjector struct {
	injector *do.RootScope
	patience time.Duration
}

type doService struct{ hook hook }

func (s *doService) Shutdown(ctx context.Context) error { return s.hook(ctx) }

func newDo(patience time.Duration) library {
	return &doInjector{injector: do.New(), patience: patience}
}

func (d *doInjector) register(name string, h hook) {
	do.ProvideNamedValue(d.injector, name, &doService{hook: h})
}

// registerUsing lets the provider invoke what the service uses, which is how
// do learns the graph.
func (d *doInjector) registerUsing(name, uses string, h hook) {
	do.ProvideNamed(d.injector, name, func(i do.Injector) (*doService, error) {
		if uses != "" {
			if _, err := do.InvokeNamed[*doService](i, uses); err != nil {
				return nil, err
			}
		}
		return &doService{hook: h}, nil
	})
}

// start invokes every service, as a running program would have done: do shuts
// down only what was built.
func (d *doInjector) start() error {
	for _, service := range d.injector.ListProvidedServices() {
		if _, err := do.InvokeNamed[*doService](d.injector, service.Service); err != nil {
			return err
		}
	}
	return nil
}

func (d *doInjector) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	return failure(d.injector.ShutdownWithContext(ctx))
}

func (d *doInjector) shutdownAgain() error { return d.shutdown() }

func (d *doInjector) serve() error {
	_, report := d.injector.ShutdownOnSignals()
	return failure(report)
}

// failure returns a failed report as an error, and nil for one that succeeded:
// the report is an error in either case.
func failure(report *do.ShutdownReport) error {
	if report.Succeed {
		return nil
	}
	return report
}
