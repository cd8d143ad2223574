// Package durable undoes what a program did also when the program can't any more: after SIGKILL, an OOM kill, a crash in
// a foreign goroutine, a reboot.
package durable
