package resource

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/lastly-go/lastly"
)

// What Own calls is not always over when it returns, and not always in time.

// forced runs gentle, and blunt beside it if gentle is not over when the context ends. Both are awaited: a gRPC
// GracefulStop returns soon after Stop has cut the connections. gentle has its own goroutine because many have no
// context; if it hangs all the same, the scope abandons the hook, and the goroutine ends when gentle does.
func forced(gentle, blunt func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		over := beside(ctx, gentle)
		var err error
		select {
		case err = <-over:
			if !errors.Is(err, context.DeadlineExceeded) && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
				return err
			}
			return errors.Join(err, blunt(ctx))
		case <-ctx.Done():
		}
		late := blunt(ctx)
		if err = <-over; !errors.Is(err, ctx.Err()) {
			err = errors.Join(ctx.Err(), err)
		}
		return errors.Join(err, late)
	}
}

// beside runs f in a goroutine that ends when f does, and sends what it returned. A panic is kept as what it would be in
// the hook's own goroutine: an error.
func beside(ctx context.Context, f func(context.Context) error) <-chan error {
	over := make(chan error, 1)
	go func() {
		var err error = lastly.ErrGoexit
		defer func() {
			if v := recover(); v != nil {
				err = &lastly.PanicError{Value: v, Stack: debug.Stack()}
			}
			over <- err
		}()
		err = f(ctx)
	}()
	return over
}

// then adds what is called when the time is over; nil is nothing.
func (e end) then(name string, blunt func(context.Context) error) end {
	if blunt == nil {
		return e
	}
	return end{forced(e.run, blunt), e.note + ", at the deadline " + name}
}

// after adds what is called before, and does not keep e from being called, not even by a panic.
func (e end) after(first end) end {
	if first.run == nil {
		return e
	}
	return end{func(ctx context.Context) (err error) {
		defer func() { err = errors.Join(err, e.run(ctx)) }()
		return first.run(ctx)
	}, first.note + ", then " + e.note}
}

// unlessGone makes it no failure that somebody else was first, as an http.Server is with its listener. A write to what is
// closed is one: something is lost.
func (e end) unlessGone() end {
	return end{func(ctx context.Context) error {
		err := e.run(ctx)
		if isGone(err) {
			return nil
		}
		return err
	}, e.note}
}

// isGone recognises the errors of a second Close in packages os and net.
func isGone(err error) bool {
	switch e := err.(type) { //nolint:errorlint // an error inside another one is about something else
	case *fs.PathError:
		return e.Op == "close" && errors.Is(e.Err, os.ErrClosed)
	case *net.OpError:
		return e.Op == "close" && errors.Is(e.Err, net.ErrClosed)
	}
	return false
}

// untilClosed follows what has a channel for its end, which NATS' consumers have.
func (e end) untilClosed(x any) end {
	c, ok := x.(interface{ Closed() <-chan struct{} })
	if !ok {
		return e
	}
	return end{func(ctx context.Context) error {
		if err := e.run(ctx); err != nil {
			return err
		}
		return wait(ctx, c.Closed())
	}, e.note + " until Closed"}
}

// untilDrained follows a Drain, which often returns when it has begun: NATS' do.
func (e end) untilDrained(x any) end {
	switch y := x.(type) {
	case interface{ IsClosed() bool }: // a connection
		return end{drained(x, e.run, y.IsClosed), e.note + " until IsClosed"}
	case interface{ Closed() <-chan struct{} }:
		return e.untilClosed(x)
	case interface{ IsValid() bool }: // a subscription
		return end{drained(x, e.run, func() bool { return !y.IsValid() }), e.note + " until not IsValid"}
	}
	return e
}

// drained begins to drain, unless it is over already, and waits until it is.
func drained(x any, drain func(context.Context) error, over func() bool) func(context.Context) error {
	return func(ctx context.Context) error {
		if over() {
			return nil
		}
		before := lastError(x)
		if err := drain(ctx); err != nil {
			return err
		}
		if err := poll(ctx, over); err != nil {
			return err
		}
		if err := lastError(x); err != nil && (before == nil || before.Error() != err.Error()) {
			return err // such as a drain that the library gave up
		}
		return nil
	}
}

func lastError(x any) error {
	if x, ok := x.(interface{ LastError() error }); ok {
		return x.LastError()
	}
	return nil
}

// How often poll looks: what it asks costs a lock or two.
const (
	firstLook = time.Millisecond
	lastLook  = 10 * time.Millisecond
)

// poll waits until over returns true, or the context ends.
func poll(ctx context.Context, over func() bool) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for delay := firstLook; ; delay = min(2*delay, lastLook) {
		if over() {
			return nil
		}
		timer.Reset(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// untilOver awaits the channel that a method returns.
func untilOver(f func() <-chan struct{}) func(context.Context) error {
	return func(ctx context.Context) error { return wait(ctx, f()) }
}

// untilDone awaits the end of the context that a method returns, as cron's Stop does.
func untilDone(f func() context.Context) func(context.Context) error {
	return func(ctx context.Context) error {
		running := f()
		if running == nil {
			return nil
		}
		return wait(ctx, running.Done())
	}
}

// wait waits for a channel; nil is nothing to wait for.
func wait(ctx context.Context, over <-chan struct{}) error {
	if over == nil {
		return nil
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
