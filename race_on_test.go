//go:build race

package lastly_test

// raceOn tells whether the race detector watches.
const raceOn = true
