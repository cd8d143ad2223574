package engine

const (
	sysGetrandom = 318
	saRestorer   = 0x04000000
)
