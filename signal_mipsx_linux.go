//go:build linux && (mips || mipsle || mips64 || mips64le)

package lastly

import "syscall"

// signalSetSize is the size of the kernel's sigset_t: 128 signals here.
const signalSetSize = 16

// runtimeSignals never reach signal.Notify (runtime/sigtab_linux_mipsx.go).
var runtimeSignals = []syscall.Signal{32, 33, 34}
