//go:build !linux

package control

// look: there are no supervisors here.
func look(string) (borne, held bool) { return true, false }

// isLastly can't be asked here; to connect does no harm, for nobody waits for that.
func isLastly(int) bool { return false }
