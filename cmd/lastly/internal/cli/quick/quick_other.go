//go:build !linux

package quick

// Tried is true in every process in which main begins.
var Tried = true
