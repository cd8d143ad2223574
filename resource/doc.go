// Package resource has what programs really own: temporary files and folders, files, locks, listeners, child processes, and
// whatever else has a Close, Shutdown or Stop. Each function makes the thing, registers what undoes it, and returns the
// thing itself:
//
//	dir, err := resource.TempDir(scope, "upload-*")
//
// docs/resource.md has more of everything: a table of libraries for [Own], systemd sockets, what a process tree does not
// cover.
//
// # The things
//
// [TempDir] and [TempFile] are removed at their place in the order. They are durable: after a death that runs no hook
// another process removes them, see package durable. Their names are random and say that lastly made them up, so that even
// what was made in the moment before a death is found.
//
// [Create] is a file that is there whole or not at all. It is written beside its target, and [AtomicFile.Commit] renames it.
// What was not committed is discarded, durably: after any death the target is the old file or the new one, and no
// temporary file is left for long.
//
// [Open] is a plain file. Its close happens at its place in the order, and an error of that is reported. After a death the
// kernel closes it, so nothing is written down.
//
// [Lock] is a flock, against a second instance. After a death its guard holds it until the durable hooks that stand before it
// in the order are settled: who comes next finds the place tidy. Without a guard it is free at the death.
//
// [Listen] is a TCP or unix listener, or one that systemd handed over. The socket of a path is durable, and one that a dead
// process has left is replaced. A TCP port is free when its process is gone.
//
// [Start] is a command with everything that it starts, daemons included. At its place in the order the tree gets SIGTERM, a
// grace, SIGKILL. It ends as well when this process dies, at once, by a supervisor of its own (Linux); should that have been
// killed, too, then the guard ends what bears the tree's mark.
//
// [Own] is the end of anything that has one, of whatever library. It is a plain hook: it lives in this process. What must
// happen on the other side even after a death is a kind of package durable.
//
// # On which death
//
// While the process can run Go code (return, error, panic in run, [lastly.Exit], a signal that [lastly.Main] handles),
// hooks undo all of it, in order and inside the grace. After os.Exit, a crash, SIGKILL or the kernel's out-of-memory killer
//
//   - the kernel closes files, TCP listeners and connections;
//   - supervisors end process trees;
//   - the guard, on Linux and within milliseconds, removes temporary files, folders and sockets, and then gives the locks
//     back;
//   - what no guard did is done by the next start of the program, or a sweep: after a reboot, where the guard was killed
//     too, and on systems without guards.
//
// Nothing acts during a power cut; what is on disk then is removed by the next start. The report says of each durable
// hook whether it is guarded, and if not, why.
//
// All of it works without Main, and in a plain go test: a scope's hooks run when it is closed, and there is a guard where one
// can be had. LASTLY_GUARD=off in the environment does without.
//
// # Names and order
//
// These functions have no options. A hook is called what it is ("temp folder /tmp/upload-lastly-..."), and like every hook
// that names nothing it is taken to use all that was registered before it in its scope. To give it a name that others can
// use, to say what it uses, or to give it a timeout, make it on a child scope, which is one hook of its parent:
//
//	uploads := scope.Child(lastly.Hook{Name: "uploads", Uses: []string{"database"}})
//	dir, err := resource.TempDir(uploads, "upload-*")
//
// The child is also how a thing is undone early: by the child's Close. To make several things or none, defer the child's
// [lastly.Scope.Rollback]. Own has a name and uses of its own, for what it registers always needs them.
//
// # Errors
//
// After an error nothing is registered, and nothing is left. The error says what failed, on what, and what to do next. On
// a closed scope it wraps [lastly.ErrClosed], and where there is no folder for the journal, durable.ErrFolder. Each function
// may be called from a hook; what it makes stays until that hook has ended.
package resource
