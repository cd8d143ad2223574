package main

import (
	"context"
	"errors"

	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// lines returns what is measured, with what ends it.
func (l *lab) lines() (lines []*line, done func() error, err error) {
	var ends []func() error
	done = func() error {
		var errs []error
		for _, end := range ends {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}
	goals, end, err := l.appendLines()
	if err != nil {
		return nil, nil, err
	}
	ends = append(ends, end)
	stores, end, err := l.storeLines()
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	ends = append(ends, end)
	lines = append(lines, goals...)
	lines = append(lines, l.processLines()...)
	return append(lines, stores...), done, nil
}

// processLines are about processes: their starts, their deaths, and what they leave.
func (l *lab) processLines() []*line {
	return []*line{
		{work: "a whole Kind.Register, JSON included", unit: "× a pwrite of 256 B", most: 3, figure: l.registered},
		{work: "SIGKILL to the guard's first settle", unit: "× the kernel's wake-up", most: 3, figure: l.settled},
		{work: "the first durable registration, start of the guard included", unit: "ms", most: 3, figure: l.firstMS},
		{work: "a tree of 10 000 orphaned files removed", unit: "× `rm -rf`", most: 1.5, heavy: true, figure: l.treeRemoved},
		{work: "10 000 records of a file each settled", unit: "× `rm -rf`", most: 3, heavy: true, figure: l.filesRemoved("new")},
		{work: "the guard's private memory while it waits", unit: "MB", most: 4, figure: l.guardMB},
		{work: "size of the journal after a million registered and struck", unit: "kB", most: 64, once: true, figure: l.churnedKB},
		{work: "the first durable registration", unit: "× a fork and exec", figure: l.firstRatio},
		{work: "10 000 records of a file with its own name each settled", unit: "× `rm -rf`", heavy: true, figure: l.filesRemoved("own")},
	}
}

// ratio makes a figure of two sides.
func (l *lab) ratio(a, b turns.Side) func(context.Context, int) (float64, error) {
	return func(_ context.Context, round int) (float64, error) {
		return turns.Ratio(turns.Least(round, l.sizes.tries, a, b))
	}
}
