package main

import (
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lastly-go/lastly/e2e/internal/machine"
)

// newTable has what is to be known of the machine.
func newTable(l lab) *table {
	return &table{Go: runtime.Version(), Kernel: kernel(), CPUs: runtime.NumCPU(), Load: machine.Load(), Processes: len(kinds)*l.each + 1}
}

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "of unknown version"
	}
	return unix.ByteSliceToString(name.Release[:])
}
