package edge_test

import (
	"errors"
	"testing"

	"github.com/lastly-go/lastly/internal/edge"
)

func TestAt(t *testing.T) {
	if err := edge.At("nowhere"); err != nil {
		t.Fatalf("with nothing set: %v", err)
	}
	broken := errors.New("broken")
	var points []string
	edge.Set(func(point string) error { points = append(points, point); return broken })
	t.Cleanup(func() { edge.Set(nil) })
	if err := edge.At("here"); !errors.Is(err, broken) || len(points) != 1 || points[0] != "here" {
		t.Fatalf("got %v, points %q", err, points)
	}
	edge.Set(nil)
	if err := edge.At("here"); err != nil {
		t.Fatalf("after Set(nil): %v", err)
	}
}
