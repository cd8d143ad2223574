package resource_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A double has one method of one of the shapes that Own knows. The method fails, or goes on for a second after it has
// returned, as far as its shape can tell.
type double struct{ calls int }

var errDouble = errors.New("the double fails")

func (d *double) begin() error {
	d.calls++
	return errDouble
}

// within wants the hook's context, which ends in time.
func (d *double) within(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		return nil
	}
	return d.begin()
}

// limited wants what is left to the hook.
func (d *double) limited(limit time.Duration) error {
	if limit != ownTimeout {
		return nil
	}
	return d.begin()
}

// over is done a second later.
func (d *double) over() context.Context {
	_ = d.begin()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Second, cancel)
	return ctx
}

func (d *double) count() int { return d.calls }

// What a shape tells of the end.
const (
	silent     = iota
	fails      // errDouble
	notFlushed // an error of Own's
	awaited
)

const ownTimeout = 7 * time.Second

type (
	shutdownCtxError    struct{ double }
	shutdownCtx         struct{ double }
	shutdownError       struct{ double }
	shutdownPlain       struct{ double }
	shutdownChannel     struct{ double }
	shutdownContext     struct{ double }
	drainCtxError       struct{ double }
	drainCtx            struct{ double }
	drainError          struct{ double }
	drainPlain          struct{ double }
	drainChannel        struct{ double }
	drainContext        struct{ double }
	closeCtxError       struct{ double }
	closeCtx            struct{ double }
	closeError          struct{ double }
	closePlain          struct{ double }
	closeChannel        struct{ double }
	closeContext        struct{ double }
	stopCtxError        struct{ double }
	stopCtx             struct{ double }
	stopError           struct{ double }
	stopPlain           struct{ double }
	stopChannel         struct{ double }
	stopContext         struct{ double }
	shutdownWithContext struct{ double }
	flushCtxError       struct{ double }
	flushCtx            struct{ double }
	flushLimitError     struct{ double }
	flushLimitBool      struct{ double }
	flushError          struct{ double }
	flushPlain          struct{ double }
	syncError           struct{ double }
)

func (d *shutdownCtxError) Shutdown(ctx context.Context) error               { return d.within(ctx) }
func (d *shutdownCtx) Shutdown(ctx context.Context)                          { _ = d.within(ctx) }
func (d *shutdownError) Shutdown() error                                     { return d.begin() }
func (d *shutdownPlain) Shutdown()                                           { _ = d.begin() }
func (d *shutdownChannel) Shutdown() <-chan struct{}                         { return d.over().Done() }
func (d *shutdownContext) Shutdown() context.Context                         { return d.over() }
func (d *drainCtxError) Drain(ctx context.Context) error                     { return d.within(ctx) }
func (d *drainCtx) Drain(ctx context.Context)                                { _ = d.within(ctx) }
func (d *drainError) Drain() error                                           { return d.begin() }
func (d *drainPlain) Drain()                                                 { _ = d.begin() }
func (d *drainChannel) Drain() <-chan struct{}                               { return d.over().Done() }
func (d *drainContext) Drain() context.Context                               { return d.over() }
func (d *closeCtxError) Close(ctx context.Context) error                     { return d.within(ctx) }
func (d *closeCtx) Close(ctx context.Context)                                { _ = d.within(ctx) }
func (d *closeError) Close() error                                           { return d.begin() }
func (d *closePlain) Close()                                                 { _ = d.begin() }
func (d *closeChannel) Close() <-chan struct{}                               { return d.over().Done() }
func (d *closeContext) Close() context.Context                               { return d.over() }
func (d *stopCtxError) Stop(ctx context.Context) error                       { return d.within(ctx) }
func (d *stopCtx) Stop(ctx context.Context)                                  { _ = d.within(ctx) }
func (d *stopError) Stop() error                                             { return d.begin() }
func (d *stopPlain) Stop()                                                   { _ = d.begin() }
func (d *stopChannel) Stop() <-chan struct{}                                 { return d.over().Done() }
func (d *stopContext) Stop() context.Context                                 { return d.over() }
func (d *shutdownWithContext) ShutdownWithContext(ctx context.Context) error { return d.within(ctx) }

func (d *flushCtxError) Flush(ctx context.Context) error   { return d.within(ctx) }
func (d *flushCtx) Flush(ctx context.Context)              { _ = d.within(ctx) }
func (d *flushLimitError) Flush(limit time.Duration) error { return d.limited(limit) }

func (d *flushLimitBool) Flush(limit time.Duration) bool { return d.limited(limit) == nil }
func (d *flushError) Flush() error                       { return d.begin() }
func (d *flushPlain) Flush()                             { _ = d.begin() }
func (d *syncError) Sync() error                         { return d.begin() }

// TestOwnEveryShape calls each method in each shape: once, with the time that there is; its error is the hook's, and what it
// returns to wait for is waited for.
func TestOwnEveryShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		x     interface{ count() int }
		note  string
		tells int
	}{
		{new(shutdownCtxError), "Shutdown", fails},
		{new(shutdownCtx), "Shutdown", silent},
		{new(shutdownError), "Shutdown", fails},
		{new(shutdownPlain), "Shutdown", silent},
		{new(shutdownChannel), "Shutdown", awaited},
		{new(shutdownContext), "Shutdown", awaited},
		{new(drainCtxError), "Drain", fails},
		{new(drainCtx), "Drain", silent},
		{new(drainError), "Drain", fails},
		{new(drainPlain), "Drain", silent},
		{new(drainChannel), "Drain", awaited},
		{new(drainContext), "Drain", awaited},
		{new(closeCtxError), "Close", fails},
		{new(closeCtx), "Close", silent},
		{new(closeError), "Close", fails},
		{new(closePlain), "Close", silent},
		{new(closeChannel), "Close", awaited},
		{new(closeContext), "Close", awaited},
		{new(stopCtxError), "Stop", fails},
		{new(stopCtx), "Stop", silent},
		{new(stopError), "Stop", fails},
		{new(stopPlain), "Stop", silent},
		{new(stopChannel), "Stop", awaited},
		{new(stopContext), "Stop", awaited},
		{new(shutdownWithContext), "ShutdownWithContext", fails},
		{new(flushCtxError), "Flush", fails},
		{new(flushCtx), "Flush", silent},
		{new(flushLimitError), "Flush", fails},
		{new(flushLimitBool), "Flush", notFlushed},
		{new(flushError), "Flush", fails},
		{new(flushPlain), "Flush", silent},
		{new(syncError), "Sync", fails},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := lastly.Scope{HookTimeout: ownTimeout}
			resource.Own(&s, "it", c.x)
			if note := s.Report().Hooks[0].Note; note != c.note {
				t.Errorf("%T: note %q, want %q", c.x, note, c.note)
			}
			began := time.Now()
			err := s.Close()
			if took := time.Since(began); (took == time.Second) != (c.tells == awaited) {
				t.Errorf("%T: it took %v", c.x, took)
			}
			if failed := c.tells == fails || c.tells == notFlushed; (err != nil) != failed || errors.Is(err, errDouble) != (c.tells == fails) {
				t.Errorf("%T: %v", c.x, err)
			}
			if n := c.x.count(); n != 1 {
				t.Errorf("%T: %d calls", c.x, n)
			}
		})
	}
}
