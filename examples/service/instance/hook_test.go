package instance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/examples/service/internal/ownjournal"
	"github.com/lastly-go/lastly/resource"
)

func TestMain(m *testing.M) { os.Exit(ownjournal.Main(m)) }

func TestSecondInstanceIsRefusedAndTheNextIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var first, second lastly.Scope
	if err := Register(&first, path); err != nil {
		t.Fatal(err)
	}
	err := Register(&second, path)
	if held, ok := errors.AsType[*resource.HeldError](err); !ok || held.Holder.Pid != os.Getpid() {
		t.Errorf("a second instance: %v, want a HeldError with this process", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}

	var next lastly.Scope
	if err := Register(&next, path); err != nil {
		t.Error(err)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// TestLockOutlivesEverything: also what is Last, as the log is, and what names nobody.
func TestLockOutlivesEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var scope lastly.Scope
	if err := Register(&scope, path); err != nil {
		t.Fatal(err)
	}
	for _, h := range []lastly.Hook{{Name: "log", Last: true}, {Name: "store", Uses: lastly.Nothing}} {
		h.Run = func(context.Context) error {
			var other lastly.Scope
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // tries once
			if err := resource.Lock(ctx, &other, path); err == nil {
				t.Errorf("the lock was free before %s had ended", h.Name)
			}
			return nil
		}
		scope.Register(h)
	}
	if err := scope.Close(); err != nil {
		t.Error(err)
	}
}
