//go:build linux && (mips || mipsle || mips64 || mips64le)

package supervise

const (
	sigsetSize  = 16
	handlerWord = 1
	mipsOne     = 1
)
