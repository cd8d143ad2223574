//go:build linux && (arm64 || loong64 || riscv64)

package pathid

// Package syscall is frozen and lacks these numbers of syscalls(2).
const (
	sysNameToHandleAt = 264
	sysRenameat2      = 276
	sysStatx          = 291
	sysOpenat2        = 437
	sysFchmodat2      = 452
)
