package telemetry

import "github.com/lastly-go/lastly"

// Register returns a counter and registers its push on scope as the hook "telemetry".
func Register(scope *lastly.Scope, collector string) *Telemetry {
	t := New(collector)
	scope.Register(lastly.Hook{
		Name: "telemetry",
		Run:  t.Push,
		// Last, so that the count is final; but it needs none of the other Last hooks (the log), and they need not
		// wait for a collector that doesn't answer.
		Last: true,
		Uses: lastly.Nothing,
		// A count that was not delivered is no reason to call the program failed.
		BestEffort: true,
	})
	return t
}
