package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/e2e/internal/turns"
)

// A side is a program that is run again and again.
type side struct {
	argv []string // the first is a path
	env  []string
}

// turns runs the sides in turn, so often each, and returns the median of what each takes, in milliseconds. Which one is the first
// changes, so that none always inherits another's caches.
func (l *lab) turns(ctx context.Context, times int, sides []side) ([]float64, error) {
	runtime.GC()
	runtime.LockOSThread() // one that does nothing else
	defer runtime.UnlockOSThread()
	programs := make([]turns.Side, len(sides))
	for i := range sides {
		programs[i] = func() (float64, error) {
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			ms, err := l.time(&sides[i])
			if err != nil {
				return 0, fmt.Errorf("%q: %w", sides[i].argv, err)
			}
			return ms, nil
		}
	}
	return turns.Middle(0, times, programs...)
}

// time runs a side once. It asks nothing of package exec, whose goroutines would be part of the time.
func (l *lab) time(s *side) (ms float64, err error) {
	null := l.null.Fd()
	attr := &syscall.ProcAttr{Env: s.env, Files: []uintptr{null, null, 2}}
	begin := time.Now()
	pid, err := syscall.ForkExec(s.argv[0], s.argv, attr)
	if err != nil {
		return 0, err
	}
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	took := time.Since(begin)
	if err == nil && status != 0 {
		err = fmt.Errorf("wait status %#x", int(status))
	}
	return float64(took) / float64(time.Millisecond), err
}
