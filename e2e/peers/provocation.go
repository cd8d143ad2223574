package main

import (
	"cmp"
	"context"
	"time"
)

const (
	// patience is what the libraries are told to wait for a hook. Well under
	// the limit of a cell, so that those that keep their word have time to.
	patience = time.Second

	// step is how long a hook takes where the order of two is to be seen. Five
	// of them, one after the other, fit into the patience.
	step = 100 * time.Millisecond

	// registrars and each are the 1600 hooks that are registered concurrently.
	registrars, each = 16, 100

	// wantedCode is what hooks ask to exit with.
	wantedCode = 3
)

// A provocation is one row of the table.
type provocation struct {
	name     string
	patience time.Duration // zero: the constant
	runs     int           // how many children a cell takes: more where chance plays; zero: one

	// arrange registers the hooks, in the child.
	arrange func(library) error

	// act ends the program, in the child; nil: by the library's shutdown.
	act func(library) error

	// judge decides, in the parent, by what was seen of one child.
	judge func(observation) verdict

	// judgeAll decides instead where it takes more than one child to tell;
	// nil: the worst verdict of judge counts.
	judgeAll func([]observation) verdict
}

func provocations() []provocation {
	s := &stuck{began: make(chan struct{})}
	return []provocation{
		{name: "order of 5 hooks", runs: 8, arrange: arrangePlain, judgeAll: judgeOrder},
		{name: "parallel", arrange: arrangeParallel, judge: judgeParallel},
		{name: "per-hook deadline", arrange: arrangeDeadline, judge: judgeDeadline},
		{name: "a hook hangs", arrange: arrangeHang, judge: judgeHang},
		{name: "a hook panics", arrange: arrangePanic, judge: judgePanic},
		{name: "Goexit in a hook", arrange: arrangeGoexit, judge: judgeGoexit},
		{name: "register inside a hook", arrange: arrangeRegister, judge: judgeRegister},
		{name: "Exit inside a hook", arrange: arrangeExit, judge: judgeExit},
		{name: "shut down again inside a hook", arrange: arrangeAgain, judge: judgeAgain},
		{name: "two concurrent shutdowns", runs: 3, arrange: arrangeChain, act: actTwice, judge: judgeTwice},
		{name: "concurrent register", runs: 20, arrange: arrangeMany, judge: judgeMany},
		{name: "second SIGTERM forces", patience: lifetime, arrange: s.arrange, act: s.act, judge: judgeSignals},
		{name: "unregister", arrange: arrangeRemoved, judge: judgeRemoved},
		{name: "dependency order", runs: 3, arrange: arrangeGraph, judge: judgeGraph},
	}
}

func provocationNamed(name string) (provocation, bool) {
	for _, p := range provocations() {
		if p.name == name {
			return p, true
		}
	}
	return provocation{}, false
}

// perform is the life of a child.
func (p provocation) perform(peer peer) error {
	lib := peer.open(cmp.Or(p.patience, patience))
	if err := p.arrange(lib); err != nil {
		return err
	}
	if s, ok := lib.(starter); ok {
		if err := s.start(); err != nil {
			return err
		}
	}
	if p.act != nil {
		return p.act(lib)
	}
	return lib.shutdown()
}

// five are the names of the hooks of most provocations, in the order of their
// registration. The third one is the one that misbehaves.
var five = []string{"1", "2", "3", "4", "5"}

const third = "3"

// plain is a hook that only says that it runs.
func plain(name string) hook { return saying(name, nil) }

// saying is a hook that says that it runs, and then does what it is told.
func saying(name string, then hook) hook {
	return func(ctx context.Context) error {
		say("ran", name)
		if then == nil {
			return nil
		}
		return then(ctx)
	}
}

// slow is a hook that says when it begins and ends, and takes a step.
func slow(name string) hook {
	return saying(name, func(context.Context) error {
		<-time.After(step)
		say("done", name)
		return nil
	})
}

// registerFive registers five hooks of which the third does what it is told.
func registerFive(lib library, misbehave hook) {
	for _, name := range five {
		if name == third {
			lib.register(name, saying(name, misbehave))
			continue
		}
		lib.register(name, plain(name))
	}
}
