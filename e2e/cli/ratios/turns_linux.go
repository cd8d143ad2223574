package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
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
	took := make([][]float64, len(sides))
	for try := range times {
		for i := range sides {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			k := (try + i) % len(sides)
			ms, err := l.time(&sides[k])
			if err != nil {
				return nil, fmt.Errorf("%q: %w", sides[k].argv, err)
			}
			took[k] = append(took[k], ms)
		}
	}
	medians := make([]float64, len(sides))
	for i := range took {
		medians[i] = median(took[i])
	}
	return medians, nil
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
