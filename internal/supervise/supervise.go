// Package supervise makes a program that was started as a supervisor own the process tree of one command, before anything
// else of the program happens.
//
// A process that wants to end a child together with whatever the child has started can't do it alone: a grandchild that
// moved to a session of its own, or was orphaned on purpose (a daemon), is nobody's child any more, and when the process
// is killed nobody is left to do anything. So between the program and the command stands a supervisor: the program's own
// image, started again. It takes the orphans among the command's descendants for its children (PR_SET_CHILD_SUBREAPER of
// prctl(2), which it sets on itself only), reaps them, and ends the whole tree when it is told to, or when its owner is
// gone: SIGTERM to every descendant, a grace, then SIGKILL to its children until wait4(2) has none left. No process can
// leave such a tree, whatever it does to its group, session, environment or parents.
//
// As with a guard (package standby), the supervisor must not run the program: not its init functions, flags, logs and ports. So
// all of it happens in the initialisation of this package, which needs nothing but system calls and is therefore initialised
// before package os and everything that needs that. It never returns from there.
//
// It is deaf: whatever can be ignored is, as soon as it runs. It passes no signal on either. Who signals a whole cgroup or all
// processes (systemd, a shutdown) reaches the command directly, and one that got SIGTERM twice would often take the second
// for "now". Only in the moment between its start and here can a signal end it; nobody knows its number then, and the start
// of the command fails. (Blocking the signals in the owner does not help: the Go runtime unblocks those that end a process.)
//
// It has no descriptors but the socket to its owner, a pidfd of the owner, a pipe of its own, and the null device.
package supervise

const (
	// Variable makes a process a supervisor; see Environment.
	Variable = "LASTLY_SUPERVISE"
	// Name is what ps shows.
	Name = "lastly-supervisor"
)

// comm is what the kernel keeps of Name, and guard the name of a guard.
const (
	comm  = "lastly-supervis"
	guard = "lastly-guard"
)

// The messages of the control socket, after the Config: one of these bytes, and a number of 8 bytes, the least significant first.
const (
	MessageSize = 9

	// Of the owner.

	Seen = 's' // the owner has a pidfd of the command, which may be reaped from now on
	End  = 'e' // end the tree; the number is the grace in milliseconds

	// Of the supervisor.

	Started = 'S' // the command runs; its process number
	Failed  = 'F' // it could not be started; the error number
	Ended   = 'E' // it has ended; the wait status
	Left    = 'L' // a process that can't be ended: another user's, or one that hangs in the kernel; its number, 0 if /proc does not show it
	Gone    = 'G' // all of its descendants have ended, but those that are Left, and so has the supervisor
)

// Message is one message.
func Message(what byte, number uint64) []byte {
	return appendNumber([]byte{what}, number)
}

// Parse takes a message of MessageSize bytes apart.
func Parse(message []byte) (what byte, number uint64) {
	d := decoder{rest: message[1:]}
	return message[0], d.number()
}

// begin never returns in a supervisor.
var _ = begin()
