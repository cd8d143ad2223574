//go:build !linux

package action

import "github.com/lastly-go/lastly/internal/testproc"

var killVictims testproc.Victims
