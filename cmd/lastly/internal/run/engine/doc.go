// Package engine runs the command of `lastly run`: the visible, outer one of the two processes that hold its tree.
//
// The inner one is internal/supervise's: the parent of the command, which adopts the orphans, and ends the tree when the
// outer one is gone. The outer one has the exit status, the signals, the terminal and what is registered. It is a subreaper
// as well, so that when the inner one is killed, the tree is its own, and it ends it.
//
// A command that has nothing registered is run in the initialisation of this package, which needs nothing but system calls
// and so comes before package os and all that needs it: neither the command library nor package net cost such a run anything.
// As soon as somebody asks for more (the first connection to the run's socket) the initialisation goes on, and main takes the
// running command over; see Begun.
//
// Signals do not go through package os/signal: it does not tell who sent them, and a signal of the terminal must not be
// passed on to a command that got it as well, being in the same process group. So there is a signal handler of its own, of a
// few instructions, which writes the kernel's siginfo_t into a pipe.
package engine
