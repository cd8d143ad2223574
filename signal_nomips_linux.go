//go:build linux && !(mips || mipsle || mips64 || mips64le)

package lastly

import "syscall"

// signalSetSize is the size of the kernel's sigset_t.
const signalSetSize = 8

// runtimeSignals never reach signal.Notify (runtime/sigtab_linux_generic.go).
var runtimeSignals = []syscall.Signal{syscall.SIGSTKFLT, 32, 33, 34}
