package resource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A second instance is kept out, and told by whom. What the lock protects is made after it.
func ExampleLock() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "lock")
	var first, second lastly.Scope

	if err := resource.Lock(context.Background(), &first, path); err != nil {
		log.Fatal(err)
	}
	once, cancel := context.WithCancel(context.Background())
	cancel() // Lock tries once when its context has ended

	err = resource.Lock(once, &second, path)
	if held, ok := errors.AsType[*resource.HeldError](err); ok {
		fmt.Println("kept out by this process:", held.Holder.Pid == os.Getpid())
	}
	fmt.Println(first.Close())
	fmt.Println(resource.Lock(once, &second, path))
	fmt.Println(second.Close())
	// Output:
	// kept out by this process: true
	// <nil>
	// <nil>
	// <nil>
}
