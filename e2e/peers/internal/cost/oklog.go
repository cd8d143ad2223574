package cost

import "github.com/oklog/run"

// Oklog is an actor per hook, interrupted as in oklog/run's README.
var Oklog = Subject{
	Name: "oklog/run",
	New:  newActors,
	Racy: true,
}

type actors struct{ group run.Group }

// newActors adds the actor that ends at once, and so interrupts the others.
func newActors(int) Registry {
	a := new(actors)
	a.group.Add(func() error { return nil }, func(error) {})
	return a
}

func (a *actors) Register(int) {
	stop := make(chan struct{})
	a.group.Add(func() error {
		<-stop
		return nil
	}, func(error) {
		hook()
		close(stop)
	})
}

func (a *actors) Run() { _ = a.group.Run() }
