//go:build linux && (mips64 || mips64le)

package proc

const (
	pidfdSendSignal = 5424
	pidfdOpen       = 5434
)
