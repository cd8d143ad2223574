//go:build linux && (mips || mipsle)

package proc

const (
	pidfdSendSignal = 4424
	pidfdOpen       = 4434
)
