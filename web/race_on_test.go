//go:build race

package web_test

// raceOn tells whether the race detector watches.
const raceOn = true
