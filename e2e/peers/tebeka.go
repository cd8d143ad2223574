package main

import (
	"context"
	"time"

	"github.com/tebeka/atexit"
)

var tebekaPeer = peer{
	name:   "tebeka/atexit",
	module: "github.com/tebeka/atexit",
	open:   func(time.Duration) library { return tebeka{} },
}

// tebeka has its state in package variables. Its hooks take and return nothing.
type tebeka struct{}

func (tebeka) register(_ string, h hook) {
	atexit.Register(func() { _ = h(context.Background()) })
}

func (tebeka) registerRemovable(_ string, h hook) (remove func()) {
	id := atexit.Register(func() { _ = h(context.Background()) })
	return func() { _ = id.Cancel() }
}

func (tebeka) shutdown() error {
	atexit.Exit(0)
	return nil
}

func (t tebeka) shutdownAgain() error { return t.shutdown() }

func (tebeka) exit(code int) error {
	atexit.Exit(code)
	return nil
}
