package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/lastly-go/lastly"
)

// A whole program. Each part says what undoes it at the place where it is made; nobody writes a shutdown function.
// A real main calls lastly.Main, which ends the process; Program.Run is the same and returns the exit code.
func Example() {
	run := func(ctx context.Context) error {
		lastly.Defer("database", func() error { fmt.Println("database closed"); return nil })
		lastly.Defer("server", func(ctx context.Context) { fmt.Println("server drained") })
		fmt.Println("serving")
		return nil // or wait for ctx.Done(): a signal, an Exit
	}
	fmt.Println("exit code", lastly.Program{}.Run(context.Background(), run))
	// Output:
	// serving
	// server drained
	// database closed
	// exit code 0
}

// Main is the last thing that main calls. It handles SIGINT, SIGTERM and SIGHUP, runs the hooks, and ends the process.
func ExampleMain() {
	main := func() {
		lastly.Main(func(ctx context.Context) error {
			dir, err := os.MkdirTemp("", "work-")
			if err != nil {
				return err
			}
			lastly.Defer("temp folder", func() error { return os.RemoveAll(dir) })

			<-ctx.Done() // the work
			return nil
		})
	}
	_ = main
}

// A Program is a Main with settings.
func ExampleProgram_Main() {
	main := func() {
		logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
		lastly.Program{
			Logger:   logger,
			OnSignal: lastly.ExitZero,
			OnExit:   func(r lastly.Report) { fmt.Fprint(os.Stderr, r) },
		}.Main(func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
	}
	_ = main
}

// Run returns the exit code instead of ending the process. Here, a test of a program that fails.
func ExampleProgram_Run() {
	code := lastly.Program{Logger: slog.New(slog.DiscardHandler)}.Run(context.Background(), func(context.Context) error {
		lastly.Defer("lock file", func() { fmt.Println("lock file removed") })
		return errors.New("no such table: users")
	})
	fmt.Println("exit code", code)
	// Output:
	// lock file removed
	// exit code 1
}

// The four shapes of a cleanup, and named types of them, need no adapter.
func ExampleFunc() {
	var scope lastly.Scope
	type stopper func()

	scope.Register(lastly.Hook{Run: lastly.Func(func() {})})
	scope.Register(lastly.Hook{Run: lastly.Func(func() error { return nil })})
	scope.Register(lastly.Hook{Run: lastly.Func(func(context.Context) {})})
	scope.Register(lastly.Hook{Run: lastly.Func(func(context.Context) error { return nil })})
	scope.Register(lastly.Hook{Run: lastly.Func(stopper(func() {}))})
	fmt.Println(len(scope.Report().Hooks), "hooks, error", scope.Close())
	// Output: 5 hooks, error <nil>
}

// DeferIn takes any shape, as Defer does, for a scope of your own.
func ExampleDeferIn() {
	var scope lastly.Scope
	file, err := os.CreateTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	lastly.DeferIn(&scope, "file", func() error { return os.Remove(file.Name()) })
	lastly.DeferIn(&scope, "descriptor", file.Close)
	fmt.Println(scope.Close())
	// Output: <nil>
}
