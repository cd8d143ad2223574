// Package standby makes a program that was started as a guard wait for the death of its owner before anything else of
// the program happens.
//
// A guard is the owner's own image, started again. It must not run the program: not its init functions, flags, logs and
// ports. So it waits here, in the initialisation of a package that imports little more than syscall: the order of package
// initialisation (dependencies first, then by import path) puts it before every package that needs os, and thus before
// all that could open a file or a port. It ends here as well when its owner left nothing to settle. Else the
// initialisation goes on, and package durable settles.
//
// While it waits it has no descriptors but the socket to its owner, a pidfd, and the locks that the owner handed over;
// it sleeps in the kernel; it ignores the terminal's signals and SIGTERM, which systemd sends to a whole cgroup.
package standby

// The environment of a guard.
const (
	// Variable says to a process that it is a guard; see Environment.
	Variable = "LASTLY_GUARD_OF"
	// Name is what ps shows.
	Name = "lastly-guard"
	// Socket is the descriptor of the guard's end of the control socket, and Pidfd that of its owner's pidfd.
	Socket = 3
	Pidfd  = 4
)

// The messages of the control socket, each a packet: one of these bytes, and for the locks a key of 8 bytes, the least
// significant first.
const (
	Bye    = 'b' // the owner has nothing left to settle and is about to exit
	Lock   = 'l' // with a descriptor: hold it until its record is settled
	Unlock = 'u' // the lock was released
)

// A Duty is what a guard has to do once its owner is dead.
type Duty struct {
	Owner   int
	LimitMS int // how long it may take in all, in milliseconds
	Journal string
	// Status is the owner's raw wait status, if the kernel told.
	Status      int
	StatusKnown bool
	// Execed: the owner did not die, it became another program.
	Execed bool
	// Locks are the descriptors that the owner handed over, by key.
	Locks map[uint64]int
}

// Due is nil in a process that is no guard.
var Due = wait()
