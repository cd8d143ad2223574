package durable_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/durable"
)

// TestRegisterWhileTheParentCloses is for the race detector: where a record stands in the order is read while the order of
// the parent is made.
func TestRegisterWhileTheParentCloses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 50 {
		var s lastly.Scope
		child := s.Child(lastly.Hook{Name: "log", Last: true})
		var both sync.WaitGroup
		both.Go(func() { must(s.Close()) })
		both.Go(func() {
			_, err := durable.Remove.Register(child, durable.Path{Path: filepath.Join(dir, durable.NewName("x-"))}, lastly.Hook{Name: "file"})
			must(err)
		})
		both.Wait()
	}
}
