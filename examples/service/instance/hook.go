// Package instance keeps a second instance of the service out of its folder: two would answer for one database, and write
// into one log.
package instance

import (
	"context"
	"fmt"
	"time"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// patience is for the instance before this one, or for who tidies up behind it: they may be about to leave.
const patience = 1 * time.Second

// Register takes the lock of the file at path and registers its end on scope as the hook "instance". If another process has
// it, the error says which.
func Register(scope *lastly.Scope, path string) (err error) {
	// Everything works in the folder, and nothing should have to say so by naming the lock. Register it before the log,
	// which is Last as well, and so goes first.
	own := scope.Child(lastly.Hook{Name: "instance", Last: true})
	defer own.Rollback(&err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := resource.Lock(ctx, own, path); err != nil {
		return fmt.Errorf("instance: is another one running in this folder? %w", err)
	}
	return nil
}
