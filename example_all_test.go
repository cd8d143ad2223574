package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/lastly-go/lastly"
)

// All: whatever a hook does, the others run, and the report says what became of each.
func ExampleScope_Report() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	lastly.DeferIn(&scope, "returns an error", func() error { return errors.New("disk full") })
	lastly.DeferIn(&scope, "panics", func() { panic("index out of range") })
	lastly.DeferIn(&scope, "calls Goexit", func() { runtime.Goexit() })
	lastly.DeferIn(&scope, "registers more", func() {
		lastly.DeferIn(&scope, "registered late", func() { fmt.Println("late one, next") })
	})
	_ = scope.Close()
	for _, hook := range scope.Report().Hooks {
		fmt.Printf("%-16s  %s\n", hook.Name, hook.Outcome)
	}
	// Output:
	// late one, next
	// database closed
	// database          ok
	// returns an error  failed
	// panics            panicked
	// calls Goexit      goexit
	// registers more    ok
	// registered late   ok
}

// All: a hook that closes its own scope, or one that contains it, would wait for itself. It gets ErrClosing at once, and
// the close goes on.
func ExampleScope_Close_insideHook() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	lastly.DeferIn(&scope, "component", func() {
		fmt.Println("hook got:", scope.Close())
	})
	fmt.Println("caller got:", scope.Close())
	// Output:
	// hook got: lastly: scope is closing
	// database closed
	// caller got: <nil>
}

// All: Exit in a hook counts as that hook's end. The others run, and the code is kept.
func ExampleExit_insideHook() {
	code := lastly.Program{}.Run(context.Background(), func(context.Context) error {
		lastly.Defer("database", func() { fmt.Println("database closed") })
		lastly.Defer("third-party library", func() { lastly.Exit(4) })
		return nil
	})
	fmt.Println("exit code", code)
	// Output:
	// database closed
	// exit code 4
}

// All: a panic of run runs the hooks first. Main then ends the process as Go's panics do, with the original stack; Run
// returns 2 and writes the stack to Stderr.
func ExampleProgram_Run_panic() {
	program := lastly.Program{Stderr: io.Discard}
	code := program.Run(context.Background(), func(context.Context) error {
		lastly.Defer("temp folder", func() { fmt.Println("temp folder removed") })
		panic("index out of range")
	})
	fmt.Println("exit code", code)
	// Output:
	// temp folder removed
	// exit code 2
}
