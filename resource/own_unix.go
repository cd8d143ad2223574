//go:build unix

package resource

import "syscall"

// errnosOfUnsyncable are what fsync(2) says of terminals, pipes and sockets, which have nothing to sync. A logger that writes
// to stderr would fail on every exit.
var errnosOfUnsyncable = []error{syscall.EINVAL, syscall.ENOTSUP, syscall.ENOTTY, syscall.EROFS}
