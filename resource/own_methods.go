package resource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lastly-go/lastly"
)

// What Own can call, by name: one function for each, with all its shapes.

func gracefulStopOf(x any) func(context.Context) error {
	switch x := x.(type) {
	case interface{ GracefulStop() }:
		return lastly.Func(x.GracefulStop)
	case interface{ GracefulStop() error }:
		return lastly.Func(x.GracefulStop)
	}
	return nil
}

func shutdownOf(x any) end {
	switch y := x.(type) {
	case interface{ ShutdownWithContext(context.Context) error }:
		return end{y.ShutdownWithContext, "ShutdownWithContext"}
	case interface{ Shutdown(context.Context) error }:
		return end{y.Shutdown, "Shutdown"}
	case interface{ Shutdown(context.Context) }:
		return end{lastly.Func(y.Shutdown), "Shutdown"}
	case interface{ Shutdown() error }:
		return end{lastly.Func(y.Shutdown), "Shutdown"}.untilClosed(x)
	case interface{ Shutdown() }:
		return end{lastly.Func(y.Shutdown), "Shutdown"}.untilClosed(x)
	case interface{ Shutdown() <-chan struct{} }:
		return end{untilOver(y.Shutdown), "Shutdown"}
	case interface{ Shutdown() context.Context }:
		return end{untilDone(y.Shutdown), "Shutdown"}
	}
	return end{}
}

func drainOf(x any) end {
	switch y := x.(type) {
	case interface{ Drain(context.Context) error }:
		return end{y.Drain, "Drain"}
	case interface{ Drain(context.Context) }:
		return end{lastly.Func(y.Drain), "Drain"}
	case interface{ Drain() error }:
		return end{lastly.Func(y.Drain), "Drain"}.untilDrained(x)
	case interface{ Drain() }:
		return end{lastly.Func(y.Drain), "Drain"}.untilDrained(x)
	case interface{ Drain() <-chan struct{} }:
		return end{untilOver(y.Drain), "Drain"}
	case interface{ Drain() context.Context }:
		return end{untilDone(y.Drain), "Drain"}
	}
	return end{}
}

func closeOf(x any) end {
	switch y := x.(type) {
	case interface{ Close(context.Context) error }:
		return end{y.Close, "Close"}
	case interface{ Close(context.Context) }:
		return end{lastly.Func(y.Close), "Close"}
	case interface{ Close() error }:
		return end{lastly.Func(y.Close), "Close"}.untilClosed(x)
	case interface{ Close() }:
		return end{lastly.Func(y.Close), "Close"}.untilClosed(x)
	case interface{ Close() <-chan struct{} }:
		return end{untilOver(y.Close), "Close"}
	case interface{ Close() context.Context }:
		return end{untilDone(y.Close), "Close"}
	}
	return end{}
}

func stopOf(x any) end {
	switch y := x.(type) {
	case interface{ Stop(context.Context) error }:
		return end{y.Stop, "Stop"}
	case interface{ Stop(context.Context) }:
		return end{lastly.Func(y.Stop), "Stop"}
	case interface{ Stop() error }:
		return end{lastly.Func(y.Stop), "Stop"}.untilClosed(x)
	case interface{ Stop() }:
		return end{lastly.Func(y.Stop), "Stop"}.untilClosed(x)
	case interface{ Stop() <-chan struct{} }:
		return end{untilOver(y.Stop), "Stop"}
	case interface{ Stop() context.Context }: // cron's
		return end{untilDone(y.Stop), "Stop"}
	}
	return end{}
}

// closeNow and stopNow are what can still be called when the time is over.

func closeNow(x any) func(context.Context) error {
	switch x := x.(type) {
	case interface{ Close() error }:
		return lastly.Func(x.Close)
	case interface{ Close() }:
		return lastly.Func(x.Close)
	}
	return nil
}

func stopNow(x any) func(context.Context) error {
	switch x := x.(type) {
	case interface{ Stop() error }:
		return lastly.Func(x.Stop)
	case interface{ Stop() }:
		return lastly.Func(x.Stop)
	}
	return nil
}

func flushOf(x any) end {
	if e := boundedFlushOf(x); e.run != nil {
		return e
	}
	switch y := x.(type) {
	case interface{ Flush() error }:
		return end{lastly.Func(y.Flush), "Flush"}
	case interface{ Flush() }:
		return end{func(context.Context) error { y.Flush(); return errorOf(x) }, "Flush"}
	}
	return end{}
}

// errorOf is what csv.Writer and its like tell of a Flush that returns nothing.
func errorOf(x any) error {
	if x, ok := x.(interface{ Error() error }); ok {
		return x.Error()
	}
	return nil
}

// boundedFlushOf is a Flush that takes a limit, as one over a network does. Close of its owner often drops what was not
// sent, while that of a mere writer flushes.
func boundedFlushOf(x any) end {
	switch x := x.(type) {
	case interface{ Flush(context.Context) error }:
		return end{x.Flush, "Flush"}
	case interface{ Flush(context.Context) }:
		return end{lastly.Func(x.Flush), "Flush"}
	case interface{ Flush(time.Duration) error }:
		return end{func(ctx context.Context) error { return x.Flush(timeLeft(ctx)) }, "Flush"}
	case interface{ Flush(time.Duration) bool }: // sentry's
		return end{func(ctx context.Context) error { return flushed(x.Flush, timeLeft(ctx)) }, "Flush"}
	}
	return end{}
}

func flushed(flush func(time.Duration) bool, limit time.Duration) error {
	if !flush(limit) {
		return fmt.Errorf("lastly: flush: not everything was sent in %v; what was not is lost, give the hook a longer Timeout", limit.Round(time.Millisecond))
	}
	return nil
}

// timeLeft is how long a method may take that has no context. Hooks always have a deadline.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return defaultLimit
	}
	return max(time.Until(deadline), time.Millisecond) // 0 means forever in some libraries
}

// defaultLimit is the HookTimeout of a scope that sets none.
const defaultLimit = 10 * time.Second

func syncOf(x any) end {
	if x, ok := x.(interface{ Sync() error }); ok {
		return end{func(context.Context) error {
			err := x.Sync()
			if saysOnly(err, errnosOfUnsyncable...) {
				return nil
			}
			return err
		}, "Sync"}
	}
	return end{}
}

// saysOnly reports whether err is nothing but one of the given errors, wrapped or joined with its like.
func saysOnly(err error, these ...error) bool {
	for _, e := range these {
		if err == e { //nolint:errorlint // it walks the tree itself
			return true
		}
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if !saysOnly(part, these...) {
				return false
			}
		}
		return len(e.Unwrap()) > 0
	case interface{ Unwrap() error }:
		return saysOnly(errors.Unwrap(err), these...)
	}
	return false
}
