// Command durability measures what durable cleanups cost, as ratios to the least that the same work can cost, and prints
// them beside their goals, in Markdown.
//
//	go run ./e2e/durability [-rounds 5] [-dir FOLDER] [-only TEXT] [-strict]
//
// The two sides of a ratio take turns, and the figure is the median over all rounds: on a shared machine, nanoseconds come and
// go, and ratios stay. It works in a folder of its own below FOLDER, or that for temporary files; what waits for the disk
// means something only if that is on one. A goal that is missed makes the exit code 1 with -strict only. It needs Linux, the
// go command and rm.
package main
