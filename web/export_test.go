package web

import (
	"time"
)

// DefaultDelayFor is the delay of a server with no settings of its own.
func DefaultDelayFor(cause error, attended bool) time.Duration {
	set, err := Options{}.resolve()
	if err != nil {
		panic(err)
	}
	set.attended = attended
	return set.delayFor(cause)
}
