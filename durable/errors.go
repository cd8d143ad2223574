package durable

import "errors"

// What Register, Setup, Recover and Sweep fail with. Each comes wrapped, with what it is about and what to do.
var (
	// ErrTooBig: the payload is bigger than MaxPayload.
	ErrTooBig = errors.New("the payload is too big")
	// ErrNotReady: a Go kind was registered before Main or Init was called (in a test binary: in TestMain), so a guard could
	// not settle it.
	ErrNotReady = errors.New("neither lastly.Main nor durable.Init was called")
	// ErrNoName: the program was built outside of a module, so its next start can't be told from another program.
	ErrNoName = errors.New("the program has no module path")
	// ErrOtherUser: the process changed its user after its first record.
	ErrOtherUser = errors.New("the process changed its user")
	// ErrFolder: there is no folder that may hold a journal.
	ErrFolder = errors.New("no folder for the journal")
	// ErrNetwork: the folder is on a network filesystem, where a lock may not be seen by others.
	ErrNetwork = errors.New("network filesystem")
	// ErrStruck: the record's hook has run or was cancelled.
	ErrStruck = errors.New("the record is struck")
	// ErrStarted: Setup was called after the first registration.
	ErrStarted = errors.New("the journal is open already")
	// ErrPayload: a journaled payload does not fit the kind's type.
	ErrPayload = errors.New("the payload does not fit")
)
