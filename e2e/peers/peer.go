package main

import (
	"context"
	"time"
)

// A hook is a cleanup in the widest shape that any peer takes. Peers that take
// less get it without the context, or without the error.
type hook func(context.Context) error

// A library is what every peer can do: take hooks, and run them at the end.
type library interface {
	// register adds a hook that is ordered as the library orders by itself.
	register(name string, h hook)

	// shutdown runs the hooks and waits for them, as the library's own
	// documentation says that main should. Libraries that end the process
	// don't return from it.
	shutdown() error
}

// A starter is a library that wants to be started between the last register
// and the shutdown.
type starter interface {
	start() error
}

// What follows are the features that a library may have besides. One that
// lacks the method gets a dash in the table.
type (
	// independent libraries can be told that a hook needs no place in the
	// order. The others are given plain hooks and watched.
	independent interface {
		registerIndependent(name string, h hook)
	}

	// timed libraries bound a single hook.
	timed interface {
		registerTimed(name string, timeout time.Duration, h hook)
	}

	// removable libraries can forget a hook without running it.
	removable interface {
		registerRemovable(name string, h hook) (remove func())
	}

	// dependent libraries are told what a hook needs, and order by that. An
	// empty uses means that it needs nothing.
	dependent interface {
		registerUsing(name, uses string, h hook)
	}

	// exiter libraries have an Exit, to be called from anywhere. Most don't
	// return from it.
	exiter interface {
		exit(code int) error
	}

	// repeatable libraries have a shutdown that a second caller may call, and
	// that waits for the hooks.
	repeatable interface {
		shutdownAgain() error
	}

	// signalled libraries wait for a signal by themselves, and then shut down.
	signalled interface {
		serve() error
	}
)

// A peer is one column of the table.
type peer struct {
	name   string
	module string // whose version the table tells; empty for the standard library

	// open returns the library ready to register, told to wait for a hook at
	// most for patience, where it can be told.
	open func(patience time.Duration) library

	// signalsOnImport says that the package installs signal handlers when the
	// program starts. They are taken away in the processes of the others.
	signalsOnImport bool
}

func peers() []peer {
	return []peer{
		tebekaPeer,
		closerPeer,
		logrusPeer,
		gratermPeer,
		fxPeer,
		doPeer,
		oklogPeer,
		errgroupPeer,
		suturePeer,
		afterFuncPeer,
		lastlyPeer,
	}
}

func peerNamed(name string) (peer, bool) {
	for _, p := range peers() {
		if p.name == name {
			return p, true
		}
	}
	return peer{}, false
}
