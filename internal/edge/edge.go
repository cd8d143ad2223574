// Package edge names the points at which a process can die halfway, so that a test can make it die there.
//
// A point is a call of At. In a program it costs one atomic load and does nothing: only a test that called Set hears of it.
package edge

import "sync/atomic"

// set is process-wide because the points are in many packages and know nothing of each other.
var set atomic.Pointer[func(point string) error]

// At passes a point. It returns what the function given to Set returns, and nil when there is none.
func At(point string) error {
	if f := set.Load(); f != nil {
		return (*f)(point)
	}
	return nil
}

// Set makes At call f, in tests only. f may return an error, which the caller of At treats as that of its next step, and
// it may end the process. nil undoes it.
func Set(f func(point string) error) {
	if f == nil {
		set.Store(nil)
		return
	}
	set.Store(&f)
}
