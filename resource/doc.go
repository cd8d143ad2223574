// Package resource has what programs really own: temporary files and folders, files, locks, listeners, child processes, and
// whatever else has a Close, Shutdown or Stop. Each function makes the thing, registers what undoes it, and returns the
// thing itself:
//
//	dir, err := resource.TempDir(scope, "upload-*")
package resource
