//go:build linux && !mips && !mipsle && !mips64 && !mips64le

package supervise

const (
	sigsetSize  = 8
	handlerWord = 0
	mipsOne     = 0
)
