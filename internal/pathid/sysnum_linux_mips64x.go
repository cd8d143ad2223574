//go:build linux && (mips64 || mips64le)

package pathid

// Package syscall is frozen and lacks these numbers of syscalls(2).
const (
	sysNameToHandleAt = 5298
	sysRenameat2      = 5311
	sysStatx          = 5326
	sysOpenat2        = 5437
	sysFchmodat2      = 5452
)
