// Tempfolder works in a temporary folder that is gone whatever ends the program, kill -9 included.
//
//	go run ./examples/tempfolder
//	kill -9 PID      # in another terminal, with the number that it prints
//	ls FOLDER        # there is none
//
// Where there is no guard (LASTLY_GUARD=off, or a system other than Linux), the next start of the program removes it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

func main() {
	lastly.Main(func(ctx context.Context) error {
		dir := filepath.Join(os.TempDir(), durable.NewName("tempfolder-"))
		_, err := durable.Remove.Register(lastly.Process(), durable.Path{Path: dir}, lastly.Hook{Name: "temp folder"})
		if err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o700); err != nil { // made after it was written down: nothing can come in between
			return err
		}
		fmt.Println("process", os.Getpid(), "works in", dir)
		<-ctx.Done()
		return nil
	})
}
