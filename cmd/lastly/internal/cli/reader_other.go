//go:build !unix

package cli

// readerGone reports whether stdout is a pipe that nobody reads any more. On this system only writing tells.
func (a *app) readerGone() bool { return false }
