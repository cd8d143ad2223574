package matrix

import (
	"context"
	"time"
)

const pollEvery = 2 * time.Millisecond

// poll returns nil when ok says true, and why ctx ended if it ends before.
func poll(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// within is poll with a limit.
func within(ctx context.Context, limit time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return poll(ctx, ok)
}
