package lastly_test

import (
	"fmt"

	"github.com/lastly-go/lastly"
)

// Late: a hook that is registered while its scope closes runs in the same flow, next.
func ExampleScope_Register_whileClosing() {
	var scope lastly.Scope
	lastly.DeferIn(&scope, "database", func() { fmt.Println("database closed") })
	lastly.DeferIn(&scope, "server", func() {
		// A last request opens a file.
		lastly.DeferIn(&scope, "file", func() { fmt.Println("file closed") })
		fmt.Println("server drained")
	})
	scope.Close()
	// Output:
	// server drained
	// file closed
	// database closed
}

// Late: on a closed scope, the cleanup runs before Register returns. What was acquired too late is still released.
func ExampleScope_Register_onClosedScope() {
	var scope lastly.Scope
	scope.Close()

	fmt.Println("connected, too late")
	lastly.DeferIn(&scope, "connection", func() { fmt.Println("connection closed") })
	fmt.Println("registered")
	// Output:
	// connected, too late
	// connection closed
	// registered
}
