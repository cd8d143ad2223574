package lastly_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lastly-go/lastly"
)

// In time: when a hook overruns its timeout, its context ends. What it returns then is still reported, as a timeout and
// with its own error, and the next hook has its time.
func ExampleTimeoutError() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	scope.Register(lastly.Hook{
		Name:    "server",
		Timeout: 20 * time.Millisecond,
		Run: func(ctx context.Context) error {
			<-ctx.Done() // clients that don't go away
			return errors.New("2 requests were cut off")
		},
	})
	err := scope.Close()
	if late, ok := errors.AsType[*lastly.TimeoutError](err); ok {
		fmt.Println("abandoned:", late.Abandoned)
		fmt.Println("its own error:", late.Err)
	}
	fmt.Println("deadline exceeded:", errors.Is(err, context.DeadlineExceeded))
	// Output:
	// database closed
	// abandoned: false
	// its own error: 2 requests were cut off
	// deadline exceeded: true
}

// In time: a hook that does not return, although its context has ended, is given up after half a second more. The flow
// goes on, and the error shows where the hook hangs.
func ExampleTimeoutError_abandoned() {
	var scope lastly.Scope
	replies := make(chan string) // nobody will ever send
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	scope.Register(lastly.Hook{
		Name:    "farewell",
		Timeout: 20 * time.Millisecond,
		Run: func(context.Context) error {
			<-replies
			return nil
		},
	})
	err := scope.Close()
	if hung, ok := errors.AsType[*lastly.TimeoutError](err); ok {
		fmt.Println("abandoned:", hung.Abandoned)
		fmt.Println("stack shows the place:", strings.Contains(string(hung.Stack), "[chan receive]") &&
			strings.Contains(string(hung.Stack), "ExampleTimeoutError_abandoned"))
	}
	// Output:
	// database closed
	// abandoned: true
	// stack shows the place: true
}

// In time: Shutdown has the shape of net/http's. The end of its context hurries hooks but skips none: each still gets a
// share of the reserve. Their contexts carry its values.
func ExampleScope_Shutdown() {
	type key struct{}
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func(ctx context.Context) {
		deadline, _ := ctx.Deadline()
		fmt.Println("database closed for", ctx.Value(key{}))
		fmt.Println("has time:", time.Until(deadline) > 0 && time.Until(deadline) <= lastly.Reserve)
	})
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, "request 7"), 0)
	defer cancel() // it ended before Shutdown begins
	fmt.Println(scope.Shutdown(ctx))
	// Output:
	// database closed for request 7
	// has time: true
	// <nil>
}

// In time: a scope's own bounds. What is 0 comes from the parent, or is the default.
func ExampleScope() {
	requests := lastly.Scope{
		Name:        "requests",
		Grace:       5 * time.Second,
		HookTimeout: time.Second,
	}
	lastly.DeferIn(&requests, "spool", func(ctx context.Context) {
		deadline, _ := ctx.Deadline()
		fmt.Println("at most a second:", time.Until(deadline) <= time.Second)
	})
	fmt.Println(requests.Close())
	// Output:
	// at most a second: true
	// <nil>
}
