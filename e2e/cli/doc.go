// Package cli is the proof of the command lastly: the binary as a user runs it, with the shells and terminals that users have.
//
// Its tests come in two kinds. Cases are what one may expect of anything that stands in front of a command ("the exit status is
// the command's", "a signal reaches it"): each runs for `lastly run --` and, so that no case asks for what is usual nowhere, for
// `tini -s --`, `dumb-init --`, `catatonit --` and `timeout` too; which of those do what is the table of docs/run.md. Scripts
// (testdata/script) are sessions with the subcommands.
//
// Nothing here says how fast anything is. How large trees end is package trees.
package cli
