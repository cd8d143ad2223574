package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lastly-go/lastly"
)

// Once: a hook may be run early through its handle. It does not run again when its scope closes.
func ExampleHandle_Run() {
	var scope lastly.Scope
	lease := lastly.DeferIn(&scope, "lease", func() error {
		fmt.Println("lease returned")
		return errors.New("it had expired")
	})
	ctx := context.Background()
	failure, _ := errors.AsType[*lastly.HookError](lease.Run(ctx))
	fmt.Println(failure.Name+":", failure.Err)

	again, _ := errors.AsType[*lastly.HookError](lease.Run(ctx)) // the result, not a second run
	fmt.Println(again.Name+":", again.Err)
	fmt.Println("close:", scope.Close()) // the error was the caller's
	// Output:
	// lease returned
	// lease: it had expired
	// lease: it had expired
	// close: <nil>
}

// Once: concurrent closers share one run and one result.
func ExampleScope_Close() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "server", func() error {
		fmt.Println("server stopped")
		return errors.New("two clients were cut off")
	})
	var closers sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		closers.Go(func() { results[i] = scope.Close() })
	}
	closers.Wait()
	for _, err := range results[1:] {
		if err != results[0] {
			fmt.Println("not the same:", err)
		}
	}
	// Output: server stopped
}

// What was undone by other means, or handed over to somebody else, is taken out of its scope.
func ExampleHandle_Cancel() {
	var scope lastly.Scope
	unlock := lastly.DeferIn(&scope, "unlock", func() { fmt.Println("unlocked") })
	fmt.Println("cancelled:", unlock.Cancel())
	fmt.Println("again:", unlock.Cancel())
	fmt.Println("run:", unlock.Run(context.Background()))
	fmt.Println("close:", scope.Close())
	// Output:
	// cancelled: true
	// again: false
	// run: lastly: hook was cancelled
	// close: <nil>
}
