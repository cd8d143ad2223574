package main

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// newTable has what is to be known of the machine.
func newTable(l lab) *table {
	return &table{Go: runtime.Version(), Kernel: kernel(), CPUs: runtime.NumCPU(), Load: load(), Processes: len(kinds)*l.each + 1}
}

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "of unknown version"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// load is the average number of processes that ran or wanted to, in the last minute.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	average, _, _ := strings.Cut(string(text), " ")
	return average
}
