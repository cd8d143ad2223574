package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/lastly-go/lastly/cmd/lastly/internal/run/engine"
	"github.com/lastly-go/lastly/internal/proc"
	"github.com/lastly-go/lastly/resource"
)

// lock takes the locks, before all else. A signal that asks for an end ends the waiting.
func (r *runner) lock() error {
	if len(r.options.Lock) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	asked := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) {
			signal.Notify(asked, sig)
		}
	}
	defer signal.Stop(asked)
	go func() { // ends with this function
		select {
		case sig := <-asked:
			number, _ := sig.(syscall.Signal)
			cancel(&engine.StartError{Code: 128 + int(number), Text: "received " + sig.String() + " while waiting for a lock; the command was not started"})
		case <-ctx.Done():
		}
	}()
	var taken []string
	for _, path := range r.options.Lock {
		whole, err := filepath.Abs(path)
		if err == nil && slices.Contains(taken, whole) {
			continue // said twice
		}
		if err := r.lockOne(ctx, path); err != nil {
			return err
		}
		taken = append(taken, whole)
	}
	return nil
}

func (r *runner) lockOne(ctx context.Context, path string) error {
	once, cancel := context.WithCancel(ctx)
	cancel()
	err := resource.Lock(once, r.scope, path)
	held, ok := errors.AsType[*resource.HeldError](err)
	if !ok {
		return trimmed(err)
	}
	who := "somebody who left no name"
	if h := held.Holder; h.Pid != 0 {
		who = fmt.Sprintf("process %d (%s) since %s", h.Pid, h.Program, h.Since.Format(time.DateTime))
	}
	switch {
	case r.options.NoWait:
		return fmt.Errorf("--lock %s: held by %s; wait for it (without --no-wait), or stop that process", path, who)
	case slices.Contains(proc.Ancestors(), held.Holder.Pid):
		return fmt.Errorf("--lock %s: held by %s, inside of which this is: it would wait for ever; leave one of the two out", path, who)
	case !r.options.Quiet:
		engine.Print("waiting for --lock " + path + ", held by " + who)
	}
	err = resource.Lock(ctx, r.scope, path)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	return trimmed(err)
}
