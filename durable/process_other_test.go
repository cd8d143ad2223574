//go:build !linux

package durable_test

// checkNoGuards: there are none here.
func (s *state) checkNoGuards() {}
