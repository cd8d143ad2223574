//go:build !unix

package resource

import "syscall"

// errnosOfUnsyncable are what the system says of terminals and pipes, which have nothing to sync. A logger that writes to
// stderr would fail on every exit.
var errnosOfUnsyncable = []error{syscall.EINVAL, syscall.Errno(6)} // ERROR_INVALID_HANDLE
