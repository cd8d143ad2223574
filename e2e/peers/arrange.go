package main

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func arrangePlain(lib library) error {
	registerFive(lib, nil)
	return nil
}

// arrangeParallel lets each hook wait until all have begun, for a while.
func arrangeParallel(lib library) error {
	register := lib.register
	if l, ok := lib.(independent); ok {
		register = l.registerIndependent
	}
	var begun sync.WaitGroup
	begun.Add(len(five))
	all := make(chan struct{})
	go func() {
		begun.Wait()
		close(all)
	}()
	for _, name := range five {
		register(name, saying(name, func(context.Context) error {
			begun.Done()
			select {
			case <-all:
			case <-time.After(step):
			}
			say("done", name)
			return nil
		}))
	}
	return nil
}

// arrangeDeadline bounds the third hook, and lets it wait for its context's
// end. The others take their time, because a library may go on at that same
// moment, and the third one must be heard before the process is gone.
func arrangeDeadline(lib library) error {
	l, ok := lib.(timed)
	if !ok {
		return errAbsent
	}
	for _, name := range five {
		if name != third {
			lib.register(name, slow(name))
			continue
		}
		l.registerTimed(name, patience/2, saying(name, func(ctx context.Context) error {
			<-ctx.Done()
			say("cancelled", name)
			return nil
		}))
	}
	return nil
}

func arrangeHang(lib library) error {
	registerFive(lib, func(context.Context) error { select {} })
	return nil
}

// panicText is what the third hook panics with, to be found in what the child
// printed.
const panicText = "boom in the third hook"

func arrangePanic(lib library) error {
	registerFive(lib, func(context.Context) error { panic(panicText) })
	return nil
}

func arrangeGoexit(lib library) error {
	registerFive(lib, func(context.Context) error {
		runtime.Goexit()
		return nil
	})
	return nil
}

const late = "late"

func arrangeRegister(lib library) error {
	registerFive(lib, func(context.Context) error {
		calling(func() error {
			lib.register(late, plain(late))
			return nil
		})
		return nil
	})
	return nil
}

func arrangeExit(lib library) error {
	l, ok := lib.(exiter)
	if !ok {
		return errAbsent
	}
	registerFive(lib, func(context.Context) error {
		calling(func() error { return l.exit(wantedCode) })
		return nil
	})
	return nil
}

func arrangeAgain(lib library) error {
	l, ok := lib.(repeatable)
	if !ok {
		return errAbsent
	}
	registerFive(lib, func(context.Context) error {
		calling(l.shutdownAgain)
		return nil
	})
	return nil
}

// calling says when a call into the library begins and how it ends, so that
// one that never returns can be told from a hook that does not.
func calling(call func() error) {
	say("calling", "-")
	if err := call(); err != nil {
		say("called", "error")
		return
	}
	say("called", "nil")
}

// chain are three hooks that use each other, the first one the second, and so
// on, and the order in which they are registered: one that neither LIFO nor
// FIFO gets right.
var (
	chain           = []string{"server", "cache", "db"}
	chainRegistered = []string{"server", "db", "cache"}
)

func arrangeGraph(lib library) error {
	l, ok := lib.(dependent)
	if !ok {
		return errAbsent
	}
	uses := map[string]string{"server": "cache", "cache": "db"}
	for _, name := range chainRegistered {
		l.registerUsing(name, uses[name], slow(name))
	}
	return nil
}

// arrangeChain registers the same three without what they use in the libraries
// that can't be told; their order is another row's matter.
func arrangeChain(lib library) error {
	if _, ok := lib.(repeatable); !ok {
		return errAbsent
	}
	if _, ok := lib.(dependent); ok {
		say("ordered", "-")
		return arrangeGraph(lib)
	}
	for _, name := range chainRegistered {
		lib.register(name, slow(name))
	}
	return nil
}

func actTwice(lib library) error {
	l := lib.(repeatable)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			_ = l.shutdownAgain()
			say("closed", strconv.Itoa(i))
		})
	}
	wg.Wait()
	return nil
}

func arrangeMany(lib library) error {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range registrars {
		wg.Go(func() {
			<-start
			for j := range each {
				name := strconv.Itoa(i*each + j)
				lib.register(name, plain(name))
			}
		})
	}
	close(start)
	wg.Wait()
	return nil
}

func arrangeRemoved(lib library) error {
	l, ok := lib.(removable)
	if !ok {
		return errAbsent
	}
	var remove func()
	for _, name := range five {
		if name == third {
			remove = l.registerRemovable(name, plain(name))
			continue
		}
		lib.register(name, plain(name))
	}
	remove()
	return nil
}
