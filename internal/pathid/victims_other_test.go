//go:build !linux

package pathid

import "github.com/lastly-go/lastly/internal/testproc"

var victims, deepVictim testproc.Victims
