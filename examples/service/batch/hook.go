package batch

import (
	"context"

	"github.com/lastly-go/lastly"
)

// Register starts a worker that writes through commit, and registers its end on scope as the hook "batch".
func Register[T any](scope *lastly.Scope, commit func(context.Context, []T) error) *Worker[T] {
	w := New(commit)
	scope.Go(lastly.Hook{
		Name: "batch",
		Run:  w.Run,
		// The last batch is written when the worker is stopped, so the database must still be open then. The name is
		// all that is known of it here.
		Uses: []string{"store"},
	})
	return w
}
