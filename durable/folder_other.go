//go:build !linux

package durable

// networkFilesystem is not known here: keep the folder on a local disk.
func networkFilesystem(string) string { return "" }
