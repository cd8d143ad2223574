package main

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/fx"
)

var fxPeer = peer{
	name:   "fx",
	module: "go.uber.org/fx",
	open:   newFx,
}

// fxApp runs a hook as an OnStop.
type fxApp struct {
	patience time.Duration
	graph    []fx.Option // constructors, of registerUsing

	app        *fx.App
	lifecycle  fx.Lifecycle
	shutdowner fx.Shutdowner
}

func newFx(patience time.Duration) library {
	f := &fxApp{patience: patience}
	f.build()
	return f
}

func (f *fxApp) build() {
	f.app = fx.New(
		fx.NopLogger,
		fx.StopTimeout(f.patience),
		fx.Populate(&f.lifecycle, &f.shutdowner),
		fx.Options(f.graph...),
	)
}

func (f *fxApp) register(_ string, h hook) {
	f.lifecycle.Append(fx.Hook{OnStop: h})
}

// fxToken stands for what a constructor makes.
type fxToken struct{}

// registerUsing gives fx a constructor that takes what it uses: hooks come in
// the order in which fx calls the constructors.
func (f *fxApp) registerUsing(name, uses string, h hook) {
	tag := func(name string) string { return fmt.Sprintf("name:%q", name) }
	construct := func(lc fx.Lifecycle) fxToken {
		lc.Append(fx.Hook{OnStop: h})
		return fxToken{}
	}
	var constructor any = construct
	params := []string{""}
	if uses != "" {
		constructor = func(lc fx.Lifecycle, _ fxToken) fxToken { return construct(lc) }
		params = append(params, tag(uses))
	}
	f.graph = append(f.graph,
		fx.Provide(fx.Annotate(constructor, fx.ParamTags(params...), fx.ResultTags(tag(name)))),
		fx.Invoke(fx.Annotate(func(fxToken) {}, fx.ParamTags(tag(name)))),
	)
}

// start builds the application again when there are constructors: fx wants
// them all at once.
func (f *fxApp) start() error {
	if len(f.graph) > 0 {
		f.build()
	}
	return f.app.Start(context.Background())
}

// shutdown is App.Run with the start left out.
func (f *fxApp) shutdown() error {
	if err := f.shutdowner.Shutdown(); err != nil {
		return err
	}
	return f.serve()
}

func (f *fxApp) shutdownAgain() error {
	ctx, cancel := context.WithTimeout(context.Background(), f.app.StopTimeout())
	defer cancel()
	return f.app.Stop(ctx)
}

func (f *fxApp) exit(code int) error {
	return f.shutdowner.Shutdown(fx.ExitCode(code))
}

func (f *fxApp) serve() error {
	sig := <-f.app.Wait()
	if err := f.shutdownAgain(); err != nil {
		return err
	}
	if sig.ExitCode != 0 {
		return exitError(sig.ExitCode)
	}
	return nil
}
