package lastly_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/lastly-go/lastly"
)

// Order: a hook that names nothing uses every hook registered before it, so it runs before them, as deferred calls do.
func ExampleScope_Defer() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	lastly.DeferIn(&scope, "cache", func() { fmt.Println("cache flushed") })
	lastly.DeferIn(&scope, "server", func() { fmt.Println("server drained") })
	scope.Close()
	// Output:
	// server drained
	// cache flushed
	// database closed
}

// Order: Uses names what must outlive a hook. The order of registration is no matter then: modules that know nothing of
// each other may be wired in any order.
func ExampleHook_uses() {
	var scope lastly.Scope
	scope.Register(lastly.Hook{
		Name: "server",
		Uses: []string{"queue", "database"}, // neither is registered yet
		Run:  lastly.Func(func() { fmt.Println("server drained") }),
	})
	scope.Register(lastly.Hook{
		Name: "database",
		Run:  lastly.Func(func() { fmt.Println("database closed") }),
	})
	scope.Register(lastly.Hook{
		Name: "queue",
		Uses: []string{"database"},
		Run:  lastly.Func(func() { fmt.Println("queue empty") }),
	})
	scope.Close()
	// Output:
	// server drained
	// queue empty
	// database closed
}

// Order: hooks that don't use each other run side by side. These two could not end otherwise: each waits for the other.
func ExampleHook_parallel() {
	var scope lastly.Scope
	meet := make(chan string)
	scope.Register(lastly.Hook{
		Name: "mailer",
		Uses: []string{"database"},
		Run:  lastly.Func(func() { meet <- "mailer" }),
	})
	scope.Register(lastly.Hook{
		Name: "indexer",
		Uses: []string{"database"},
		Run:  lastly.Func(func() { fmt.Println("indexer stops beside", <-meet) }),
	})
	scope.Register(lastly.Hook{
		Name: "database",
		Run:  lastly.Func(func() { fmt.Println("database closed") }),
	})
	scope.Close()
	// Output:
	// indexer stops beside mailer
	// database closed
}

// Order: Nothing says that a hook uses none, so it keeps none back. The slow upload does not keep the database open.
func ExampleHook_nothing() {
	var scope lastly.Scope
	closed := make(chan struct{})
	lastly.DeferIn(&scope, "database", func() {
		fmt.Println("database closed")
		close(closed)
	})
	scope.Register(lastly.Hook{
		Name: "upload",
		Uses: lastly.Nothing,
		Run: lastly.Func(func() {
			<-closed // stands for: it takes long
			fmt.Println("upload ended")
		}),
	})
	scope.Close()
	// Output:
	// database closed
	// upload ended
}

// Order: what flushes logs and telemetry is Last. It runs after every hook that is not, whenever it was registered.
func ExampleHook_last() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	scope.Register(lastly.Hook{
		Name: "log",
		Last: true,
		Run:  lastly.Func(func() { fmt.Println("log flushed") }),
	})
	lastly.DeferIn(&scope, "server", func() { fmt.Println("server drained") })
	scope.Close()
	// Output:
	// server drained
	// database closed
	// log flushed
}

// Order: a name means every hook that bears it.
func ExampleHook_sameName() {
	var scope lastly.Scope
	scope.Register(lastly.Hook{
		Name: "publisher",
		Uses: []string{"connection"},
		Run:  lastly.Func(func() { fmt.Println("publisher stopped") }),
	})
	for _, host := range []string{"a", "b"} {
		lastly.DeferIn(&scope, "connection", func() { fmt.Println("connection to", host, "closed") })
	}
	scope.Close()
	// Output:
	// publisher stopped
	// connection to b closed
	// connection to a closed
}

// Order: a loop never stops an exit. Its members run in reverse order of registration; Check, in a test of your wiring,
// and the report name it. It is no error of Close.
func ExampleCycleError() {
	var scope lastly.Scope
	scope.Register(lastly.Hook{
		Name: "broker",
		Uses: []string{"worker"},
		Run:  lastly.Func(func() { fmt.Println("broker stopped") }),
	})
	scope.Register(lastly.Hook{
		Name: "worker",
		Uses: []string{"broker"},
		Run:  lastly.Func(func() { fmt.Println("worker stopped") }),
	})
	if loop, ok := errors.AsType[*lastly.CycleError](scope.Check()); ok {
		fmt.Println("loop:", loop.Members[0].Name, "and", loop.Members[1].Name)
	}
	fmt.Println("error:", scope.Close())
	// Output:
	// loop: broker and worker
	// worker stopped
	// broker stopped
	// error: <nil>
}

// Order: a name that nobody registered constrains nothing. Check finds it.
func ExampleScope_Check() {
	var scope lastly.Scope
	scope.Register(lastly.Hook{
		Name: "server",
		Uses: []string{"databsae"},
		Run:  func(context.Context) error { return nil },
	})
	lastly.DeferIn(&scope, "database", func() {})
	if unknown, ok := errors.AsType[*lastly.UnknownNameError](scope.Check()); ok {
		fmt.Printf("%s uses %q, which nobody registered\n", unknown.Hook.Name, unknown.Name)
	}
	// Output: server uses "databsae", which nobody registered
}
