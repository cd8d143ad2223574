//go:build linux && (mips || mipsle)

package pathid

// Package syscall is frozen and lacks these numbers of syscalls(2).
const (
	sysNameToHandleAt = 4339
	sysRenameat2      = 4351
	sysStatx          = 4366
	sysOpenat2        = 4437
	sysFchmodat2      = 4452
)
