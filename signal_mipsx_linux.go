//go:build linux && (mips || mipsle || mips64 || mips64le)

package lastly

import "syscall"

// runtimeSignals never reach signal.Notify (runtime/sigtab_linux_mipsx.go).
var runtimeSignals = []syscall.Signal{32, 33, 34}
