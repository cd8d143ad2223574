package main

import (
	"context"
	"time"

	"github.com/xlab/closer"
)

var closerPeer = peer{
	name:            "xlab/closer",
	module:          "github.com/xlab/closer",
	open:            func(time.Duration) library { return xlabCloser{} },
	signalsOnImport: true,
}

// xlabCloser has its state in package variables, and a goroutine that starts
// at import, waits for a signal or a Close, runs the hooks and exits.
type xlabCloser struct{}

func (xlabCloser) register(_ string, h hook) {
	closer.Bind(func() { _ = h(context.Background()) })
}

// shutdown holds main after Close, as its README does: Close itself returns
// when the hooks have run, an instant before the exit.
func (xlabCloser) shutdown() error {
	closer.Close()
	closer.Hold()
	return nil
}

func (c xlabCloser) shutdownAgain() error { return c.shutdown() }

func (xlabCloser) exit(code int) error {
	closer.Exit(code)
	return nil
}

func (xlabCloser) serve() error {
	closer.Hold()
	return nil
}
