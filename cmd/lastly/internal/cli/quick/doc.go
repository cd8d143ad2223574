// Package quick carries out the plainest forms of `lastly add` before packages os, net and net/http, and the command library, are
// initialised: they take longer than what is to be done, and scripts add often.
//
//	lastly add remove PATH
//	lastly add kill PID
//	lastly add exec [--] CMD ARGS
//
// each with --name NAME or without flags, inside of a run. It ends the process when the run has answered with an id. Whatever is
// otherwise, it leaves to the command proper, which asks again: a run that refuses has changed nothing. It imports little more
// than syscall, since packages are initialised when what they import is, in the order of their paths.
package quick
