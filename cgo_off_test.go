//go:build !cgo

package lastly_test

const cgo = false
