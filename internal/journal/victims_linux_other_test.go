//go:build !linux

package journal

import "github.com/lastly-go/lastly/internal/testproc"

var linuxVictims testproc.Victims
