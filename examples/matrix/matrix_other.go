//go:build !linux

package matrix

import "context"

// IsRole reports whether this process was started to play a part in the matrix.
func IsRole() bool { return false }

// Main plays the part.
func Main() {}

// Deaths are the names of all deaths, in their order.
func Deaths() []string { return nil }

// Resources are the names of all resources, in their order.
func Resources() []string { return nil }

// Run returns ErrUnsupported.
func Run(context.Context, Options) (Result, error) { return Result{}, ErrUnsupported }

// Privileged reports whether this process may have everything that the matrix needs.
func Privileged() bool { return false }
