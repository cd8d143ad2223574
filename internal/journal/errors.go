package journal

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// What is wrong with a file that Open or Read refuses. The message that wraps one of these names the file and says what to do.
var (
	// ErrNotJournal: no regular file, or one that begins otherwise than a journal.
	ErrNotJournal = errors.New("not a journal")
	// ErrVersion: a journal of a format that this program does not know.
	ErrVersion = errors.New("unknown journal format")
	// ErrCorrupt: a journal whose header does not verify. Nothing in it can be trusted.
	ErrCorrupt = errors.New("corrupt journal header")
	// ErrNotOurs: the file belongs to another user. What it says to do would be done in this user's name.
	ErrNotOurs = errors.New("journal of another user")
	// ErrExposed: others than the owner of the file may read or write it.
	ErrExposed = errors.New("journal that other users can open")
	// ErrBusy: Open found the file locked: its owner lives, or somebody else settles it.
	ErrBusy = errors.New("journal is in use")
	// ErrGone: the file was unlinked or replaced before it could be locked: somebody else has settled it.
	ErrGone = errors.New("journal is gone")
)

// What a Journal's methods refuse.
var (
	// ErrTooBig: a payload over MaxPayload, a record over MaxRecord, or a file that would have more than 4 GiB.
	ErrTooBig = errors.New("record is too big")
	// ErrStruck: Replace was given a Ref that is no longer live.
	ErrStruck = errors.New("record is no longer there")
	// ErrInvalid: a record or an owner has a value that the format can't hold.
	ErrInvalid = errors.New("value does not fit into the journal's format")
	// ErrSettler: Append on a journal from Open. Its IDs were given out by its owner, and must not be given out again.
	ErrSettler = errors.New("only the process that created a journal appends to it")
)

// bare takes from an error of package os what the caller's message says anyway, or says better: a journal's file has two
// names in its life, and os knows the first.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// advice says what to do about an error of a system call. It begins with a separator, or is empty.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return ": free space on that file system, or keep the journals on another one"
	case errors.Is(err, syscall.EFBIG):
		return ": raise the limit on the size of files (ulimit -f)"
	case errors.Is(err, fs.ErrPermission):
		return ": make the folder writable for this user, or keep the journals in another one"
	case errors.Is(err, os.ErrClosed):
		return ": the journal was closed before its last use"
	case errors.Is(err, fs.ErrNotExist):
		return ": create the folder first, and keep other programs from cleaning it"
	case errors.Is(err, syscall.EIO):
		return ": the disk fails, see the kernel's log"
	case errors.Is(err, syscall.EROFS):
		return ": keep the journals on a file system that is writable"
	}
	return quotaAdvice(err)
}
