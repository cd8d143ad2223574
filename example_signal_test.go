//go:build unix

package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/lastly-go/lastly"
)

// Signals: the first one asks. The cause of run's context tells which it was. A program that finished its work after
// SIGTERM exits 0.
func ExampleSignalError() {
	code := lastly.Program{}.Run(context.Background(), func(ctx context.Context) error {
		lastly.Defer("server", func() { fmt.Println("server drained") })
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // what Kubernetes or systemd would send
		<-ctx.Done()
		if asked, ok := errors.AsType[*lastly.SignalError](context.Cause(ctx)); ok {
			fmt.Println("asked by", asked.Signal)
		}
		return nil
	})
	fmt.Println("exit code", code)
	// Output:
	// asked by terminated
	// server drained
	// exit code 0
}

// Signals: how the process ends is a choice. Run returns 128+n where Main would die by signal n: 15 is SIGTERM, 2 SIGINT.
func ExampleExitPolicy() {
	end := func(policy lastly.ExitPolicy, sig syscall.Signal, interrupted bool) int {
		return lastly.Program{OnSignal: policy}.Run(context.Background(), func(ctx context.Context) error {
			_ = syscall.Kill(os.Getpid(), sig)
			<-ctx.Done()
			if interrupted {
				return ctx.Err()
			}
			return nil
		})
	}
	fmt.Println("SIGTERM, finished:   ", end(lastly.ExitAuto, syscall.SIGTERM, false))
	fmt.Println("SIGTERM, interrupted:", end(lastly.ExitAuto, syscall.SIGTERM, true))
	fmt.Println("SIGINT, finished:    ", end(lastly.ExitAuto, syscall.SIGINT, false))
	fmt.Println("by signal:           ", end(lastly.ExitBySignal, syscall.SIGTERM, false))
	fmt.Println("with code:           ", end(lastly.ExitWithCode, syscall.SIGTERM, false))
	fmt.Println("zero:                ", end(lastly.ExitZero, syscall.SIGTERM, true))
	// Output:
	// SIGTERM, finished:    0
	// SIGTERM, interrupted: 143
	// SIGINT, finished:     130
	// by signal:            143
	// with code:            143
	// zero:                 0
}

// Signals only when asked: a Program may want none, and nothing but Main and Run ever listens. What no program can catch
// is refused before anything starts, with code 2 and an error on Stderr.
func ExampleProgram_noSignals() {
	run := func(context.Context) error {
		fmt.Println("running")
		return nil
	}
	fmt.Println(lastly.Program{Signals: []os.Signal{}}.Run(context.Background(), run))
	fmt.Println(lastly.Program{Signals: []os.Signal{syscall.SIGKILL}, Stderr: io.Discard}.Run(context.Background(), run))
	// Output:
	// running
	// 0
	// 2
}
