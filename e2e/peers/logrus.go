package main

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
)

var logrusPeer = peer{
	name:   "logrus handlers",
	module: "github.com/sirupsen/logrus",
	open:   func(time.Duration) library { return logrusHandlers{} },
}

// logrusHandlers uses DeferExitHandler, which puts a hook before the earlier
// ones; RegisterExitHandler puts it behind them.
type logrusHandlers struct{}

func (logrusHandlers) register(_ string, h hook) {
	logrus.DeferExitHandler(func() { _ = h(context.Background()) })
}

func (logrusHandlers) shutdown() error {
	logrus.Exit(0)
	return nil
}

func (l logrusHandlers) shutdownAgain() error { return l.shutdown() }

func (logrusHandlers) exit(code int) error {
	logrus.Exit(code)
	return nil
}
