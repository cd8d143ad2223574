// Command ratios measures what `lastly run` and its sister commands cost, as ratios to the least that the same work can cost,
// and prints them beside their goals, in Markdown.
//
//	go run ./e2e/cli/ratios [-rounds 5] [-dir FOLDER] [-only TEXT] [-strict]
//
// It builds the command, and small Go programs to compare it with: two that run a command with package exec, of which one passes
// signals on, and an empty one. Everything takes turns with what it is compared with; a round's figure is made of the medians of
// many runs, and the table has the median over all rounds. What a program adds to a command is its time less that of the bare command.
//
// Init programs that are not installed (tini, dumb-init, catatonit, timeout) are left out, and named. It works in a folder of its
// own below FOLDER, or that for temporary files, and takes about two minutes. A goal that is missed makes the exit code 1
// with -strict only. How long the end of a large tree takes is measured by e2e/trees. It needs Linux.
package main
