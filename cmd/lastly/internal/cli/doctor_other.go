//go:build !linux

package cli

import "runtime"

// examine knows what is said in the package documentation of durable.
func examine() []Finding {
	return []Finding{{
		Name: "system", Level: Note, Found: runtime.GOOS, Means: "no guard, and no `lastly run`: journals are kept, and settled by the next start or a sweep",
		Advice: "use Linux for what must be undone at once",
	}}
}
