//go:build !linux

package standby

// wait: guards exist on Linux only, where a process can wait for another one's death without being its parent. Elsewhere
// the next start settles, and the sweep.
func wait() *Duty { return nil }

// Listen undoes what waiting did to the signals.
func (*Duty) Listen() {}
