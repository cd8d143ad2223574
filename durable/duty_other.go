//go:build !linux

package durable

// A guardDuty is a guard's; there are none here.
type guardDuty struct{}

// due is always nil here.
var due *guardDuty

func (*guardDuty) settleRest() {}
