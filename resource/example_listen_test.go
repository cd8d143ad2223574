package resource_test

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// The socket that a dead process left is replaced, that of a living one is not; in the end it is gone.
func ExampleListen() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.sock")
	left, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close() // as after kill -9: the socket stays, and nobody answers

	var scope lastly.Scope
	if _, err := resource.Listen(&scope, "unix", path); err != nil {
		log.Fatal(err)
	}
	_, err = resource.Listen(&scope, "unix", path)
	fmt.Println("in use:", errors.Is(err, syscall.EADDRINUSE))

	fmt.Println(scope.Close())
	_, err = os.Stat(path)
	fmt.Println("gone:", errors.Is(err, os.ErrNotExist))
	// Output:
	// in use: true
	// <nil>
	// gone: true
}
