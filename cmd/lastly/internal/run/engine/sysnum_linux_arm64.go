package engine

const (
	sysGetrandom = 278
	saRestorer   = 0 // the kernel has its own way back
)
