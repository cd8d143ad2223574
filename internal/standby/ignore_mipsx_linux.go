//go:build linux && (mips || mipsle || mips64 || mips64le)

package standby

const canIgnore = false
