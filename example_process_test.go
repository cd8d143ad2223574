package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/lastly-go/lastly"
)

// discard is a Logger for examples that fail on purpose: without one, failures are written to standard error.
var discard = slog.New(slog.DiscardHandler)

// Main: Exit may be called anywhere. In an HTTP handler it ends the handler, so that the server can be drained; run's
// context ends, run is awaited, and then the hooks run.
func ExampleExit() {
	code := lastly.Program{}.Run(context.Background(), func(ctx context.Context) error {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			lastly.Exit(3)
			fmt.Println("never printed")
		}))
		lastly.Defer("server", func() {
			server.Close()
			fmt.Println("server drained")
		})
		if resp, err := http.Get(server.URL); err == nil {
			resp.Body.Close()
		}
		<-ctx.Done()
		fmt.Println("run returns")
		return ctx.Err()
	})
	fmt.Println("exit code", code)
	// Output:
	// run returns
	// server drained
	// exit code 3
}

// Main: the first Exit, return or signal decides the code, and a later one that is not 0 replaces only 0.
func ExampleExit_first() {
	exits := func(codes ...int) int {
		return lastly.Program{}.Run(context.Background(), func(ctx context.Context) error {
			lastly.Defer("later", func() { lastly.Exit(codes[1]) })
			lastly.Exit(codes[0])
			return nil
		})
	}
	fmt.Println(exits(3, 4), exits(0, 4), exits(3, 0), exits(0, 0))
	// Output: 3 4 3 0
}

// Fatal logs as log.Fatal does, and then exits with code 1, after the hooks.
func ExampleFatal() {
	log.SetOutput(os.Stdout)
	log.SetFlags(0)
	defer log.SetOutput(os.Stderr)
	defer log.SetFlags(log.LstdFlags)

	code := lastly.Program{}.Run(context.Background(), func(context.Context) error {
		lastly.Defer("lock file", func() { fmt.Println("lock file removed") })
		lastly.Fatal("no configuration: ", os.ErrNotExist)
		return nil
	})
	fmt.Println("exit code", code)
	// Output:
	// no configuration: file does not exist
	// lock file removed
	// exit code 1
}

// Main: an ExitError that run returns sets the code.
func ExampleExitError() {
	code := lastly.Program{Logger: discard}.Run(context.Background(), func(context.Context) error {
		return fmt.Errorf("usage: %w", &lastly.ExitError{Code: 64})
	})
	fmt.Println(code)
	// Output: 64
}

// Truth: errors are joined in the order in which they happened, each with its hook's name and site; a panic keeps its
// value and stack.
func ExampleHookError() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() error { return errors.New("2 rows not written") })
	lastly.DeferIn(&scope, "cache", func() { panic("already closed") })
	lastly.DeferIn(&scope, "server", func() error { return context.Canceled })

	err := scope.Close()
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		failure := one.(*lastly.HookError)
		fmt.Printf("%s: %v (site known: %t)\n", failure.Name, failure.Err, failure.Site != "")
	}
	if p, ok := errors.AsType[*lastly.PanicError](err); ok {
		fmt.Println("panic value:", p.Value, "- has a stack:", len(p.Stack) > 0)
	}
	fmt.Println("canceled:", errors.Is(err, context.Canceled))
	// Output:
	// server: context canceled (site known: true)
	// cache: panic: already closed (site known: true)
	// database: 2 rows not written (site known: true)
	// panic value: already closed - has a stack: true
	// canceled: true
}

// Truth: a failed cleanup makes exit code 1 of 0, unless the hook is BestEffort.
func ExampleHook_bestEffort() {
	exitCode := func(bestEffort bool) int {
		return lastly.Program{Logger: discard}.Run(context.Background(), func(context.Context) error {
			lastly.Register(lastly.Hook{
				Name:       "telemetry",
				BestEffort: bestEffort,
				Run:        lastly.Func(func() error { return errors.New("collector does not answer") }),
			})
			return nil
		})
	}
	fmt.Println(exitCode(false), exitCode(true))
	// Output: 1 0
}

// Register on the process scope what must be undone when the program ends. Under Main, or by Exit, somebody closes it.
func ExampleRegister() {
	code := lastly.Program{}.Run(context.Background(), func(context.Context) error {
		lastly.Register(lastly.Hook{
			Name: "server",
			Uses: []string{"database"},
			Run:  lastly.Func(func() { fmt.Println("server drained") }),
		})
		lastly.Register(lastly.Hook{
			Name: "database",
			Run:  lastly.Func(func() { fmt.Println("database closed") }),
		})
		return lastly.Process().Check()
	})
	fmt.Println("exit code", code)
	// Output:
	// server drained
	// database closed
	// exit code 0
}

// After Program.Run the process scope is fresh: the next Run, or the next test, starts with none of its hooks.
func ExampleProcess() {
	run := func(context.Context) error {
		lastly.Defer("database", func() {})
		fmt.Println(len(lastly.Process().Report().Hooks), "hook")
		return nil
	}
	lastly.Program{}.Run(context.Background(), run)
	lastly.Program{}.Run(context.Background(), run)
	fmt.Println(len(lastly.Process().Report().Hooks), "hooks")
	// Output:
	// 1 hook
	// 1 hook
	// 0 hooks
}
