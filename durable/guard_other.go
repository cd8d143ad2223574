//go:build !linux

package durable

import (
	"runtime"

	"github.com/lastly-go/lastly/internal/journal"
)

// A guard exists on Linux only.
type guard struct{}

func startGuard(Settings, *journal.Journal) (*guard, string, error) {
	return nil, "there are none on " + runtime.GOOS, nil
}

func (*guard) note() string { return "" }

func (*guard) dismiss() {}

func (*guard) hold(uint64, int) {}

func (*guard) release(uint64) {}
