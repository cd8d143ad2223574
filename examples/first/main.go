// First is a first program on lastly: a temporary folder that is gone however the program ends.
//
//	go run ./examples/first
//
// End it with Ctrl-C, with kill, by closing the terminal, or wait. (Kill the program, not go run: that one does not hand
// the signal on.)
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lastly-go/lastly"
)

func main() {
	lastly.Main(func(ctx context.Context) error {
		dir, err := os.MkdirTemp("", "first-")
		if err != nil {
			return err
		}
		lastly.Defer("temp folder", func() error { return os.RemoveAll(dir) })

		fmt.Println("working in", dir)
		select {
		case <-time.After(10 * time.Second): // the work
		case <-ctx.Done(): // asked to end
		}
		return nil
	})
}
