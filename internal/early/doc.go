// Package early has the few system calls that packages need which do their work before package os exists: a supervisor, and
// `lastly run`, are started often, and what is not initialised costs nothing. It needs package syscall only. All of it is Linux's.
package early
