//go:build linux && (ppc64 || ppc64le)

package pathid

// Package syscall is frozen and lacks these numbers of syscalls(2).
const (
	sysNameToHandleAt = 345
	sysRenameat2      = 357
	sysStatx          = 383
	sysOpenat2        = 437
	sysFchmodat2      = 452
)
