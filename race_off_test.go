//go:build !race

package lastly_test

const raceOn = false
