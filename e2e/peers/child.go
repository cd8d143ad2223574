package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"time"
)

// cellVariable tells a process that it is the child for one cell, named as
// "provocation@peer".
const cellVariable = "LASTLY_PEERS_CELL"

// lifetime ends a child that nobody killed, because its parent was.
const lifetime = time.Minute

// errAbsent is what a provocation returns when the library does not have what
// it takes.
var errAbsent = errors.New("the library has no such feature")

// An exitError is an exit code that main was told to use.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("told to exit with %d", int(e)) }

// provoke is the child's main: it provokes one library and returns the exit
// code, unless the library ends the process first.
func provoke(cell string) int {
	name, peerName, _ := strings.Cut(cell, "@")
	p, ok := peerNamed(peerName)
	if !ok {
		return misuse("no peer %q", peerName)
	}
	provocation, ok := provocationNamed(name)
	if !ok {
		return misuse("no provocation %q", name)
	}

	_ = os.Unsetenv(cellVariable)
	if !p.signalsOnImport {
		signal.Reset()
	}
	// Endless recursion shall crash soon, not after filling a gigabyte.
	debug.SetMaxStack(8 << 20)
	// The timer also keeps the runtime from calling a deadlock by its name: in
	// a program that does anything else, it could not see it.
	time.AfterFunc(lifetime, func() { os.Exit(97) })

	err := provocation.perform(p)
	var code exitError
	switch {
	case err == nil:
		say("ended", "nil")
		return 0
	case errors.Is(err, errAbsent):
		say("absent", "-")
		return 0
	case errors.As(err, &code):
		say("ended", "code")
		return int(code)
	default:
		fmt.Fprintln(os.Stderr, err)
		say("ended", "error")
		return 1
	}
}

func misuse(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "peers: "+format+"\n", args...)
	return 2
}

// say tells the parent what has happened. A line is one write, so that hooks
// can say something at the same time.
func say(what, which string) {
	fmt.Fprintf(os.Stdout, "%s %s\n", what, which)
}
