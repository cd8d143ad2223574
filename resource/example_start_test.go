package resource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A command that ends by itself, and its exit status.
func ExampleStart() {
	var scope lastly.Scope
	defer scope.Close()

	cmd := exec.Command("sh", "-c", "echo converted; exit 3")
	var out bytes.Buffer
	cmd.Stdout = &out
	p, err := resource.Start(&scope, cmd)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = p.Wait()
	fmt.Print(out.String())
	var exit *resource.ExitError
	if errors.As(err, &exit) {
		fmt.Println(err, exit.Code)
	}
	// Output:
	// converted
	// lastly: child sh: exit status 3 3
}

// A server that others need: it is ended after them, with everything that it has started.
func ExampleStart_order() {
	var scope lastly.Scope
	server := scope.Child(lastly.Hook{Name: "server"})
	_, err := resource.Start(server, exec.Command("sleep", "3600"))
	if err != nil {
		fmt.Println(err)
		return
	}
	scope.Register(lastly.Hook{Name: "client", Uses: []string{"server"}, Run: func(context.Context) error {
		fmt.Println("client says goodbye")
		return nil
	}})
	fmt.Println(scope.Close())
	// Output:
	// client says goodbye
	// <nil>
}

// Early, and not in its turn.
func ExampleProcess_Stop() {
	var scope lastly.Scope
	defer scope.Close()
	p, err := resource.Start(&scope, exec.Command("sleep", "3600"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Stop(context.Background()))
	fmt.Println(p.Wait())
	// Output:
	// <nil>
	// lastly: child sleep: ended by signal: terminated
}
