//go:build cgo

package lastly_test

// cgo tells whether the test binary has cgo in it (by way of net).
const cgo = true
