package cost

import (
	"context"
	"fmt"

	"go.uber.org/fx"
)

// Fx is an OnStop per hook.
var Fx = Subject{
	Name: "fx",
	New:  newApp,
	Racy: true,
}

type app struct {
	app       *fx.App
	lifecycle fx.Lifecycle
}

func newApp(int) Registry {
	a := new(app)
	a.app = fx.New(fx.NopLogger, fx.Populate(&a.lifecycle))
	return a
}

func (a *app) Register(int) {
	a.lifecycle.Append(fx.Hook{OnStop: func(context.Context) error {
		hook()
		return nil
	}})
}

func (a *app) Start() { a.must(a.app.Start(context.Background())) }

func (a *app) Run() { a.must(a.app.Stop(context.Background())) }

func (a *app) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("cost: fx: %v", err))
	}
}
