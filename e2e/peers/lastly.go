package main

import (
	"context"
	"time"

	"github.com/lastly-go/lastly"
)

var lastlyPeer = peer{
	name:   "lastly",
	module: "github.com/lastly-go/lastly",
	open: func(patience time.Duration) library {
		return lastlyProcess{lastly.Program{HookTimeout: patience, Grace: 2 * patience}}
	},
}

// lastlyProcess registers on the process scope, and ends under Main.
type lastlyProcess struct{ program lastly.Program }

func (lastlyProcess) register(name string, h hook) {
	lastly.Defer(name, h)
}

func (lastlyProcess) registerIndependent(name string, h hook) {
	lastly.Register(lastly.Hook{Name: name, Run: h, Uses: lastly.Nothing})
}

func (lastlyProcess) registerTimed(name string, timeout time.Duration, h hook) {
	lastly.Register(lastly.Hook{Name: name, Run: h, Timeout: timeout})
}

func (lastlyProcess) registerRemovable(name string, h hook) (remove func()) {
	handle := lastly.Defer(name, h)
	return func() { handle.Cancel() }
}

func (lastlyProcess) registerUsing(name, uses string, h hook) {
	hook := lastly.Hook{Name: name, Run: h, Uses: lastly.Nothing}
	if uses != "" {
		hook.Uses = []string{uses}
	}
	lastly.Register(hook)
}

func (p lastlyProcess) shutdown() error {
	p.program.Main(func(context.Context) error { return nil })
	return nil
}

func (lastlyProcess) shutdownAgain() error { return lastly.Process().Close() }

func (lastlyProcess) exit(code int) error {
	lastly.Exit(code)
	return nil
}

func (p lastlyProcess) serve() error {
	p.program.Main(func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	return nil
}
