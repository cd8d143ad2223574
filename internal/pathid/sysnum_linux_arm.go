package pathid

// Package syscall is frozen and lacks these numbers of syscalls(2).
const (
	sysNameToHandleAt = 370
	sysRenameat2      = 382
	sysStatx          = 397
	sysOpenat2        = 437
	sysFchmodat2      = 452
)
